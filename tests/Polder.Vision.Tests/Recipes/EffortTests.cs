using System.Text.Json.Nodes;
using Polder.Settings;
using Polder.Vision.Models.Weights;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Recipes;

/// <summary>What an effort stands for holds where nothing else was said.</summary>
public class EffortTests
{
    private static readonly Recipe Photos = new() { Data = new() { Source = "photos" } };

    [Theory]
    [InlineData(null, Effort.Normal, false, 8, 0.003)]
    [InlineData(Effort.Quick, Effort.Quick, true, 0, 0.1)]
    [InlineData(Effort.Thorough, Effort.Thorough, false, 24, 0.001)]
    public void It_fills_in_what_was_not_said(Effort? asked, Effort effort, bool frozen, int epochs, double rate)
    {
        Recipe recipe = (Photos with { Effort = asked }).Resolve();
        Assert.Equal((effort, frozen, epochs, rate, HeadSolver.Lbfgs, 224),
            (recipe.Effort, recipe.Training.FreezeBody, recipe.Training.Epochs, recipe.Training.LearningRate, recipe.Training.HeadSolver,
                recipe.Start.ImageSize));
    }

    [Fact]
    public void What_was_said_wins()
    {
        Recipe recipe = (Photos with
        {
            Effort = Effort.Thorough,
            Start = new() { ImageSize = 112 },
            Training = new() { Epochs = 3, LearningRate = 0.5, HeadSolver = HeadSolver.None },
        }).Resolve();
        Assert.Equal((3, 0.5, HeadSolver.None, 112),
            (recipe.Training.Epochs, recipe.Training.LearningRate, recipe.Training.HeadSolver, recipe.Start.ImageSize));
        // Names to freeze are said by themselves, or that there are none.
        Assert.Equal(4, (Photos with { Effort = Effort.Thorough }).Resolve().Training.Freeze.Count);
        Assert.Equal(8, Photos.Resolve().Training.Freeze.Count);
        Recipe thawed = (Photos with { Training = new() { Freeze = [] } }).Resolve();
        Assert.Empty(thawed.Training.Freeze);
        Assert.Empty(RecipeJson.Read(RecipeJson.Write(thawed), "config.json").Resolve().Training.Freeze);
        // A frozen body has nothing to do once its head is fitted, and Adam's rates are its own.
        Assert.Equal(0, (Photos with { Training = new() { FreezeBody = true } }).Resolve().Training.Epochs);
        Assert.Equal(0.0003, (Photos with { Training = new() { Optimizer = BaseOptimizer.AdamW } }).Resolve().Training.LearningRate);
    }

    [Fact]
    public void A_training_is_made_once_more_where_nobody_says_how_many_images_there_are_to_be()
    {
        Assert.Equal(Refit.All, Photos.Resolve().Refit);
        Assert.Equal(Refit.All, (Photos with { Effort = Effort.Thorough }).Resolve().Refit);
        Recipe[] once =
        [
            Photos with { Effort = Effort.Quick }, Photos with { Refit = Refit.None }, Photos with { Data = Photos.Data with { PerClass = 10 } },
            Photos with { Data = Photos.Data with { LabelNoise = 0.2 } }, Photos with { Data = Photos.Data with { Fraction = 0.5 } },
            Photos with { Training = new() { FreezeBody = true } }, Photos with { Training = new() { Patience = 2 } },
            Photos with { Start = new() { Architecture = "resnet18" } }, new Recipe(),
        ];
        Assert.All(once, recipe => Assert.Equal(Refit.None, recipe.Resolve().Refit));
        // A run of an earlier version goes on as it began.
        var settings = RecipeJson.Write(Photos.Resolve());
        Assert.Equal(Refit.All, RecipeJson.Read(settings, "config.json").Refit);
        settings.Remove("refit");
        Assert.Equal(Refit.None, RecipeJson.Read(settings, "config.json").Resolve().Refit);
        // Runs of a comparison are called what they were.
        Assert.True(RecipeFields.Find("refit")!.IsOfOneRun);
    }

    [Fact]
    public void A_kept_head_is_one_of_all_images_where_nobody_says_how_many_there_are_to_be()
    {
        foreach (Effort effort in Enum.GetValues<Effort>())
        {
            Recipe all = Photos with { Effort = effort };
            Assert.Equal(HeadImages.All, all.Resolve().Training.HeadImages);
            Assert.Equal(HeadImages.Training, (all with { Data = all.Data with { PerClass = 10 } }).Resolve().Training.HeadImages);
            Assert.Equal(HeadImages.Training, (all with { Data = all.Data with { LabelNoise = 0.2 } }).Resolve().Training.HeadImages);
            Assert.Equal(effort == Effort.Quick ? HeadImages.All : HeadImages.Training,
                (all with { Training = new() { Keep = KeptWeights.Last } }).Resolve().Training.HeadImages);
        }
    }

    [Fact]
    public void Epochs_begin_with_a_weaker_head_where_nothing_is_said_of_how_it_is_fitted()
    {
        Assert.Equal(1, Photos.Resolve().Training.HeadStartL2);
        Assert.Equal(1, (Photos with { Effort = Effort.Thorough }).Resolve().Training.HeadStartL2);
        Assert.Equal(1, (Photos with { Training = new() { Epochs = 3, Optimizer = BaseOptimizer.AdamW } }).Resolve().Training.HeadStartL2);
        TrainingOptions[] said =
        [
            new() { HeadSolver = HeadSolver.Lbfgs }, new() { HeadSolver = HeadSolver.None }, new() { HeadL2 = 0.01 }, new() { HeadStartL2 = 0 },
            new() { FreezeBody = true }, new() { FreezeBody = true, Epochs = 0 },
        ];
        Assert.All(said, training => Assert.Equal(0, (Photos with { Training = training }).Resolve().Training.HeadStartL2));
        Assert.Equal(0.1, (Photos with { Training = new() { HeadL2 = 0.01, HeadStartL2 = 0.1 } }).Resolve().Training.HeadStartL2);
        Assert.Equal(0, (Photos with { Effort = Effort.Quick }).Resolve().Training.HeadStartL2);
        // Runs and plans of earlier versions say nothing of it, and mean the head that was fitted.
        JsonObject earlier = RecipeJson.Write(Photos);
        Assert.True(earlier.Remove("headStartL2"));
        Assert.Equal(0, RecipeJson.Read(earlier, "config.json").Resolve().Training.HeadStartL2);
        Assert.Equal(1, RecipeJson.Read(RecipeJson.Write(Photos.Resolve()), "config.json").Resolve().Training.HeadStartL2);
    }

    [Fact]
    public void It_reads_back_from_its_JSON()
    {
        Recipe recipe = (Photos with { Effort = Effort.Quick }).Resolve();
        Recipe read = RecipeJson.Read(RecipeJson.Write(recipe), "config.json").Resolve();
        Assert.Equal(RecipeJson.Write(recipe).ToJsonString(), RecipeJson.Write(read).ToJsonString());
    }

    [Theory]
    [InlineData("digits", null)]
    [InlineData("photos", "resnet18")]
    public void With_another_network_it_is_refused(string data, string? architecture)
    {
        Recipe recipe = new() { Data = new() { Source = data }, Start = new() { Architecture = architecture }, Effort = Effort.Quick };
        SettingException refused = Assert.Throws<SettingException>(recipe.Validate);
        Assert.Equal("effort", refused.Setting);
        Assert.Contains(PackagedWeights.Name, refused.Message, StringComparison.Ordinal);
    }
}
