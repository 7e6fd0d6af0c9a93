using System.Text.Json.Nodes;
using Polder.Checkpoints;
using Polder.Objectives;
using Polder.Settings;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Tests.Data;
using Polder.Vision.Tests.Training;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Recipes;

/// <summary>The training that comes after the first one, on all images but those it is tested on.</summary>
[Collection(typeof(AloneWithRandomNumbers))]
public sealed class SecondTrainingTests : IDisposable
{
    private const int Side = 8, Epochs = 3;

    private readonly TemporaryFolder _folder = new();

    private static readonly ImageData Textures = new("textures", Set(60));

    private Recipe Recipe => new()
    {
        Data = new DataRecipe { Source = "textures" },
        Start = new StartRecipe { Weights = Path.Combine(_folder.Path, "weights.safetensors"), Architecture = "digits-cnn", ImageSize = Side },
        Method = MethodChoice.Create("nso", new Dictionary<string, object> { ["sigma"] = 0.02, ["sigma-schedule"] = "linear" }),
        Training = new TrainingOptions { Epochs = Epochs, BatchSize = 8, LearningRate = 0.05, Augmentation = Augmentation.Flip },
        Refit = Refit.All,
    };

    // A head with so strong a penalty says next to nothing, so that epochs are better.
    private TrainingOptions Fitted => Recipe.Training with { HeadSolver = HeadSolver.Lbfgs, HeadL2 = 1e6, HeadStartL2 = 1 };

    public SecondTrainingTests()
    {
        Architecture digits = Architectures.Get("digits-cnn");
        using var weights = new TrainedClassifier(digits.Build(2, 0), digits.Name, Side, digits.Normalization, ["a", "b"]);
        Safetensors.Write(Recipe.Start.Weights!, weights.Network.state_dict().Select(entry => (entry.Key, entry.Value)));
    }

    public void Dispose() => _folder.Dispose();

    public static TheoryData<bool, bool> Kinds => new() { { false, false }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_is_the_training_of_all_images_from_the_same_start(bool fitted, bool last)
    {
        TrainingOptions training = (fitted ? Fitted : Recipe.Training) with { Keep = last ? KeptWeights.Last : KeptWeights.Best };
        var (first, validation, expected) = ByHand(training);
        var (found, weights) = Train(Recipe with { Training = training });
        Assert.Equal(expected, weights);
        // Two gradients a step, but for the last, whose sigma is 0.
        Assert.Equal((48, Epochs, 18, 35), (found.Refit!.Images, found.Refit.Epochs, found.Refit.Steps, found.Refit.GradientEvaluations));
        // What validation says is of the first, whose images it had not seen.
        Assert.Equal((first.Best.Epoch, first.Best.ValidationLoss), (found.Best.Epoch, found.Best.ValidationLoss));
        Assert.Equal(first.Epochs.Count, found.Epochs.Count);
        Assert.Equal(10, validation);
    }

    [Fact]
    public void Without_it_the_weights_are_those_that_validation_chose()
    {
        Recipe once = Recipe with { Refit = null };
        var (found, weights) = Train(once);
        Assert.Null(found.Refit);
        Assert.NotEqual(weights, Train(Recipe).Weights);
        Assert.Equal(weights, Train(once with { Refit = Refit.None }).Weights);
    }

    [Fact]
    public void A_kept_head_is_no_training_to_make_again()
    {
        // A rate that moves no weight, and statistics that stay: no epoch is better than the fitted head.
        TrainingOptions still = Fitted with { LearningRate = 1e-30, HeadL2 = 1, HeadStartL2 = 0, BatchNorm = BatchNormPolicy.Frozen };
        var (found, weights) = Train(Recipe with { Training = still });
        Assert.Null(found.Refit);
        Assert.Equal(0, found.Best.Epoch);
        Assert.Equal(weights, Train(Recipe with { Training = still, Refit = Refit.None }).Weights);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_run_that_is_stopped_anywhere_goes_on_and_ends_bit_for_bit(bool fitted)
    {
        Recipe recipe = Recipe with { Training = fitted ? Fitted : Recipe.Training };
        var (whole, expected) = Train(recipe);
        foreach (int stop in (int[])[2, 5 * Epochs, (5 * Epochs) + 1, (5 * Epochs) + 10])
        {
            string folder = Path.Combine(_folder.Path, $"{fitted}-{stop}");
            RunFolder run = RunFolder.Create(folder);
            Assert.ThrowsAny<OperationCanceledException>(() => Train(recipe, run, stop));
            var (result, weights) = Train(recipe, run, spoil: true);
            Assert.Equal(expected, weights);
            Assert.Equal(whole.Refit! with { Seconds = 0 }, result.Refit! with { Seconds = 0 });
            using Checkpoint best = Checkpoint.Load(run.Best);
            using Tensor head = best.Tensors["fc.weight"].clone();
            Assert.Equal(expected["fc.weight"], Bytes(head));
            // A finished one has nothing left to do.
            Assert.Equal(expected, Train(recipe, run, spoil: true).Weights);
        }
    }

    [Fact]
    public void A_run_whose_first_weights_are_gone_says_so()
    {
        RunFolder run = RunFolder.Create(Path.Combine(_folder.Path, "run"));
        Assert.ThrowsAny<OperationCanceledException>(() => Train(Recipe, run, 2));
        File.Delete(run.In("last", "start.safetensors"));
        var refused = Assert.Throws<DataException>(() => Train(Recipe, run));
        Assert.Equal(run.In("last", "start.safetensors"), refused.Path);
    }

    [Fact]
    public void What_has_no_second_training_is_refused()
    {
        Assert.Equal("refit", Assert.Throws<SettingException>(() => (Recipe with { Training = Recipe.Training with { Patience = 1 } }).Resolve()).Setting);
        Recipe quick = new() { Data = new DataRecipe { Source = "photos" }, Effort = Effort.Quick, Refit = Refit.All };
        Assert.Equal("refit", Assert.Throws<SettingException>(() => quick.Resolve()).Setting);
    }

    private (TrainingResult First, int Validation, Dictionary<string, byte[]> Weights) ByHand(TrainingOptions training)
    {
        using RecipeTask task = (Recipe with { Training = training }).Open(Textures);
        using FineTuningStart start = task.Prepare(0), again = task.Prepare(0);
        DataSplits splits = start.Splits;
        TrainingResult first = Run(start, splits.Train, task.Recipe.Training);
        Run(again, splits.Train.Then(splits.Validation), task.Recipe.Training with
        {
            Keep = KeptWeights.Last,
            HeadL2 = training.HeadSolver == HeadSolver.None ? null : training.HeadStartL2,
            HeadStartL2 = 0,
        });
        return (first, splits.Validation.Count, Weights(again.Classifier));

        // The schedule of sigma is one of the steps of its own training.
        TrainingResult Run(FineTuningStart of, ImageSet images, TrainingOptions options) =>
            new Trainer(options, Recipe.Method.For(of with { Splits = splits with { Train = images } }, options))
                .Run(of.Classifier.Network, images, splits.Validation, of.Classifier.Normalization, Side);
    }

    // Stops after so many steps; 0: never. The weights that it began with can be spoilt, as they are where their file is gone when a run goes on.
    private static (TrainingResult Result, Dictionary<string, byte[]> Weights) Train(Recipe recipe, RunFolder? folder = null, int stop = 0, bool spoil = false)
    {
        using RecipeTask task = recipe.Open(Textures);
        using FineTuningStart start = task.Prepare(0);
        if (spoil)
        {
            using var noGrad = no_grad();
            foreach (Tensor tensor in start.Classifier.Network.state_dict().Values)
                tensor.add_(1);
        }
        using var cancellation = new CancellationTokenSource();
        int steps = 0;
        var training = new FineTuning(task.Recipe, start) { Folder = folder };
        if (folder is not null && !File.Exists(folder.ConfigurationFile))
            folder.WriteConfiguration(new() { ["polder"] = "0", ["command"] = new JsonArray("finetune"), ["settings"] = RecipeJson.Write(task.Recipe) });
        training.Progress = new Relay<TrainingProgress>(_ =>
        {
            if (++steps == stop)
                cancellation.Cancel();
        });
        TrainingResult result = training.Train(cancellation.Token);
        return (result, Weights(start.Classifier));
    }

    private static Dictionary<string, byte[]> Weights(TrainedClassifier classifier) =>
        classifier.Network.state_dict().ToDictionary(e => e.Key, e => Bytes(e.Value));

    private static byte[] Bytes(Tensor tensor)
    {
        using Tensor plain = tensor.detach().contiguous();
        return plain.bytes.ToArray();
    }

    private static ImageSet Set(int count)
    {
        var random = new Random(3);
        byte[][] pixels = [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, Side * Side).Select(p =>
            (byte)Math.Clamp((((p / (i % 2 == 0 ? 1 : Side)) % 2) * 40) + 90 + random.Next(-20, 20), 0, 255)).ToArray())];
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 2)], ["columns", "rows"], 1, Side, Side);
    }
}
