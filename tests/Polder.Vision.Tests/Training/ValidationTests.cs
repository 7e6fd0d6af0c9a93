using System.Text.Json.Nodes;
using Polder.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

/// <summary>Validation after some epochs only: the training is the same, and the best epoch is one of those.</summary>
[Collection(typeof(AloneWithRandomNumbers))]
public sealed class ValidationTests : IDisposable
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });
    private static readonly TrainingOptions Options = new() { Epochs = 8, BatchSize = 8, LearningRate = 0.05, ValidateEvery = 3 };

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-validation-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(AveragingKind.None)]
    [InlineData(AveragingKind.Ema)]
    public void Only_what_is_validated_can_be_best_and_the_training_is_the_same(AveragingKind kind)
    {
        TrainingOptions options = Options with { Averaging = new() { Kind = kind } };
        TrainingResult every = Train(options with { ValidateEvery = 1 }).Result, some = Train(options).Result;
        Assert.Equal([3, 6, 8], some.Epochs.Where(e => e.IsValidated).Select(e => e.Epoch));
        Assert.Equal(every.Epochs.Select(e => e.TrainLoss), some.Epochs.Select(e => e.TrainLoss));
        Assert.Equal(every.Epochs.Where(e => e.Epoch is 3 or 6 or 8).Select(e => e.ValidationLoss),
            some.Epochs.Where(e => e.IsValidated).Select(e => e.ValidationLoss));
        Assert.All(some.Epochs.Where(e => !e.IsValidated), e => Assert.Equal((double.NaN, false, false), (e.ValidationAccuracy, e.IsBest, e.IsAverage)));
        Assert.Equal(some.Epochs.Where(e => e.IsValidated).OrderByDescending(e => e.ValidationAccuracy).ThenBy(e => e.ValidationLoss).First(), some.Best);
    }

    [Fact]
    public void Patience_counts_validated_epochs()
    {
        // So high a rate that the best comes early.
        TrainingResult result = Train(Options with { Epochs = 40, LearningRate = 0.3, ValidateEvery = 2, Patience = 2 }).Result;
        EpochReport[] validated = [.. result.Epochs.Where(e => e.IsValidated)];
        Assert.True(result.Epochs.Count < 40, "the training was to end early");
        Assert.Equal(2, validated.Count(e => e.Epoch > result.Best.Epoch));
        Assert.Equal(result.Epochs.Count, validated[^1].Epoch);
    }

    [Fact]
    public void Left_to_itself_it_takes_at_most_a_quarter_of_the_time()
    {
        var options = new TrainingOptions { ValidateEvery = 0 };
        Assert.Equal((3, 1, 1), (options.EpochsToValidation(50, 132), options.EpochsToValidation(533, 132), options.EpochsToValidation(1, 1)));
        Assert.Equal(5, (options with { ValidateEvery = 5 }).EpochsToValidation(50, 132));
        for (int train = 1; train < 60; train += 3)
        {
            for (int validation = 1; validation < 400; validation += 7)
            {
                int every = options.EpochsToValidation(train, validation);
                // A gradient is three forward passes.
                double Share(int epochs) => validation / (validation + (3.0 * epochs * train));
                Assert.True(Share(every) <= 0.25 + 1e-12);
                Assert.True(every == 1 || Share(every - 1) > 0.25);
            }
        }
        var notes = new List<string>();
        Train(Options with { Epochs = 2, ValidateEvery = 0 }, note: notes.Add);
        int expected = (Splits.Validation.Count + Splits.Train.Count - 1) / Splits.Train.Count;
        Assert.Equal([$"validation comes after every {expected} epochs and after the last: it has {Splits.Validation.Count} images "
            + $"for {Splits.Train.Count} to train with"], notes);
        // One epoch is validated in any case: there is nothing to say.
        notes.Clear();
        Train(Options with { Epochs = 1, ValidateEvery = 0 }, note: notes.Add);
        Assert.Empty(notes);
    }

    [Fact]
    public void A_training_stopped_between_two_validations_goes_on_bit_for_bit()
    {
        TrainingOptions options = Options with { Epochs = 4, ValidateEvery = 2, Averaging = new() };
        string file = Path.Combine(_folder, "state.safetensors");
        var (expected, weights) = Train(options);
        foreach (int stop in (int[])[2, 3, 4, 8, 9])
            Assert.ThrowsAny<OperationCanceledException>(() => Train(options, file, stop));
        var (found, again) = Train(options, file);
        Assert.Equal(expected.Epochs.Select(e => e with { Seconds = 0, Curvature = null }), found.Epochs.Select(e => e with { Seconds = 0, Curvature = null }));
        Assert.Equal(weights, again);
    }

    [Fact]
    public void A_recipe_validates_as_it_says_and_a_file_of_an_earlier_version_after_every_epoch()
    {
        static int Resolved(Recipe recipe) => recipe.Resolve().Training.ValidateEvery;
        static Recipe Read(string json) => RecipeJson.Read(JsonNode.Parse(json)!.AsObject(), "config.json");
        const string photos = "\"data\": \"photos\", \"arch\": \"resnet20\"";
        Assert.Equal((1, 0), (Resolved(new Recipe()), Resolved(Read($"{{{photos}, \"validateEvery\": null}}"))));
        Assert.Equal((1, 0, 4), (Resolved(Read($"{{{photos}}}")), Resolved(Read($"{{{photos}, \"validateEvery\": \"auto\"}}")),
            Resolved(Read($"{{{photos}, \"validateEvery\": 4}}"))));
        Assert.Equal("auto", (string?)RecipeJson.Write(Read($"{{{photos}, \"validateEvery\": null}}").Resolve())["validateEvery"]);
        foreach (string wrong in (string[])["0", "\"often\"", "1.5"])
            Assert.Contains("allowed: auto, or a whole number >= 1", Assert.Throws<DataException>(() => Read($"{{\"validateEvery\": {wrong}}}")).Message);
        Assert.Throws<ArgumentOutOfRangeException>(new TrainingOptions { ValidateEvery = -1 }.Validate);
    }

    private static (TrainingResult Result, float[] Weights) Train(TrainingOptions options, string? file = null, int stop = 0, Action<string>? note = null)
    {
        using var model = new SmallConvNet(5);
        model.Initialize(1);
        using var cancel = new CancellationTokenSource();
        var trainer = new Trainer(options, new NoiseStability { Sigma = 0.02 })
        {
            ResumeFile = file,
            Note = note is null ? null : new Relay<string>(note),
            Progress = new Relay<TrainingProgress>(p =>
            {
                if (p.Step == stop)
                    cancel.Cancel();
            }),
        };
        TrainingResult result = trainer.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray, cancellation: cancel.Token);
        using var scope = NewDisposeScope();
        return (result, [.. model.state_dict().Values.Where(t => t.is_floating_point()).SelectMany(t => t.detach().data<float>().ToArray())]);
    }
}
