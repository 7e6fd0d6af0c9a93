using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Objectives;
using Polder.Probes;
using Polder.Settings;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Recipes;

/// <summary>What cannot act in a training is refused, or said where it is a study's null.</summary>
public sealed class IdleTests : IDisposable
{
    private static readonly TrainingOptions Short = new() { Epochs = 2, BatchSize = 10, LearningRate = 0.05 };
    private static readonly TrainingOptions Frozen = Short with { FreezeBody = true }, NoNorm = Short with { Freeze = ["bn*"] };

    private readonly FineTuningStart _start = new(
        new TrainedClassifier(Architectures.Get("digits-cnn").Build(5, 1), "digits-cnn", 8, Normalization.ImageNetGray, Digits.Upper().Classes),
        DigitsDemo.Splits(5, 0));

    public void Dispose() => _start.Dispose();

    [Theory]
    [InlineData("nso", "sigma", 0.0)]
    [InlineData("wp", "sigma", 0.0)]
    [InlineData("nso", "clean-weight", 1.0)]
    [InlineData("nso", "sigma-schedule", "late:1")]
    [InlineData("wp", "sigma-schedule", "late:1")]
    [InlineData("sam", "rho", 0.0)]
    [InlineData("asam", "rho", 0.0)]
    [InlineData("fsam", "rho", 0.0)]
    [InlineData("looksam", "rho", 0.0)]
    [InlineData("msam", "rho", 0.0)]
    [InlineData("ssam", "rho", 0.0)]
    [InlineData("zsharp", "rho", 0.0)]
    [InlineData("functionalsam", "rho", 0.0)]
    [InlineData("lesam", "rho", 0.0)]
    [InlineData("lesam", "loss-budget", 0.0)]
    public void A_strength_of_zero_is_said_and_trains_as_the_base_optimizer_does(string method, string option, object value)
    {
        MethodChoice choice = MethodChoice.Create(method, new Dictionary<string, object> { [option] = value });
        Assert.Equal($"{method} moves the weights at none of the 6 steps ({option} {MethodOption.Text(value)}): it trains as the base optimizer does",
            choice.Idle(_start, Short));
        Assert.Equal(LossOf(MethodChoice.Create("base"), Short), LossOf(choice, Short));
    }

    [Fact]
    public void What_acts_at_one_step_acts()
    {
        foreach (string name in MethodRegistry.Names)
            Assert.Null(MethodChoice.Create(name).Idle(_start, Short));
        Assert.Null(Nso("sigma-schedule", "late:0.8").Idle(_start, Short));
        // The ascent starts from a random point, so either of the two acts.
        Assert.Null(MethodChoice.Create("rsam", new Dictionary<string, object> { ["rho"] = 0.0 }).Idle(_start, Short));
        // The auxiliary point's gradient has a part in the update.
        Assert.Null(MethodChoice.Create("sampa", new Dictionary<string, object> { ["rho"] = 0.0 }).Idle(_start, Short));
        // Its own momentum and metric act whatever the ascent is.
        Assert.Null(MethodChoice.Create("bsam", new Dictionary<string, object> { ["rho"] = 0.0 }).Idle(_start, Short));
        // It follows the noise-free step 0, at the multiples of 7 only.
        Assert.NotNull(Nso("sigma-schedule", "linear").With("every", 7).Idle(_start, Short));
    }

    [Fact]
    public void A_method_that_moves_only_what_is_frozen_is_refused()
    {
        foreach (TrainingOptions training in (TrainingOptions[])[Frozen, NoNorm])
        {
            Assert.StartsWith("method: found samon, allowed: a method that moves something that is trained", Refused(MethodChoice.Create("samon"), training));
            Assert.Contains("all that nso moves (noise-on norm) is frozen", Refused(Nso("noise-on", "norm"), training));
        }
        Assert.Contains("noise-on body", Refused(Nso("noise-on", "body"), Frozen));
        Assert.NotNull(Nso("noise-on", "head").For(_start, Frozen));
    }

    [Fact]
    public void Noise_on_the_body_waits_for_the_end_of_the_heads_epochs()
    {
        TrainingOptions training = Short with { HeadEpochs = 1 };
        Assert.Null(Nso("noise-on", "body").Idle(_start, training));
        TrainingResult plain = Train(MethodChoice.Create("base"), training), noisy = Train(Nso("noise-on", "body"), training);
        Assert.Equal(plain.Epochs[0].TrainLoss, noisy.Epochs[0].TrainLoss, 1e-6);
        Assert.NotEqual(plain.Epochs[1].TrainLoss, noisy.Epochs[1].TrainLoss);
    }

    [Fact]
    public void A_method_of_ones_own_is_asked_like_any_other()
    {
        MethodChoice weak = MethodChoice.Create(Late.Entry, new Dictionary<string, object> { ["from"] = 6 });
        Assert.Contains("late moves the weights at none of the 6 steps (from 6)", weak.Idle(_start, Short));
        Assert.Null(weak.With("from", 5).Idle(_start, Short));
        // With the shared options there is nothing to write.
        MethodChoice none = MethodChoice.Create(new MethodEntry("late", "", _ => new Late(1), StandardOptions.Rho(0))
        {
            Passes = "1",
            PassesPerStep = 1,
            ExtraParameterBuffers = 0,
            Source = ""
        });
        Assert.NotNull(none.Idle(_start, Short));
    }

    [Fact]
    public void Settings_that_act_with_others_only_are_refused_without_them()
    {
        foreach (DataRecipe data in (DataRecipe[])[new() { Dataset = "cifar10" }, new() { Fraction = 0.5 }, new() { PerClass = 3 },
            new() { SkipUnreadable = true }])
            Assert.Contains("only with other data than the digits demo", Refused(new Recipe { Data = data }));
        Assert.StartsWith("image-size", Refused(new Recipe { Start = new StartRecipe { ImageSize = 16 } }));
        Assert.StartsWith("batch-norm", Refused(new Recipe { Training = new() { FreezeBody = true, BatchNorm = BatchNormPolicy.Frozen } }));
        Assert.StartsWith("distance-radius", Refused(new Recipe { Training = new() { FreezeBody = true, Distance = new() { Radius = 1 } } }));
        Assert.StartsWith("rand-magnitude", Refused(new Recipe { Training = new() { Distortion = new() { Magnitude = 3 } } }));
        Assert.StartsWith("ema-decay", Refused(new Recipe { Training = new() { Averaging = new AveragingOptions { Decay = 0 } } }));
        Assert.StartsWith("patience", Refused(new Recipe { Training = new() { Epochs = 3, Patience = 3 } }));
        Assert.StartsWith("patience-on", Refused(new Recipe { Training = new() { PatienceOn = PatienceOn.Loss } }));
    }

    [Fact]
    public void Settings_that_do_nothing_with_these_images_are_said()
    {
        Assert.Empty(_start.Idle(Short with { WarmUp = 0.2, Averaging = new AveragingOptions() }));
        AveragingOptions swa = new() { Kind = AveragingKind.Swa };
        Assert.Empty(_start.Idle(Short with { Epochs = 8, Averaging = swa }));
        Assert.StartsWith("a warm-up over 0.001 of", Assert.Single(_start.Idle(Short with { WarmUp = 0.001 })));
        Assert.StartsWith("every class has", Assert.Single(_start.Idle(Short with { ClassWeights = ClassWeights.Balanced })));
        Assert.StartsWith("the average takes the weights in 1 time(s)",
            Assert.Single(_start.Idle(Short with { Epochs = 8, Averaging = swa with { Start = 0.99 } })));
        Assert.StartsWith("the average takes the weights in 0 time(s)",
            Assert.Single(_start.Idle(Short with { Epochs = 8, Averaging = swa with { CycleEpochs = 5 } })));
    }

    [Fact]
    public void An_epoch_says_whether_it_is_an_average()
    {
        TrainingOptions swa = Short with { Epochs = 4, Averaging = new AveragingOptions { Kind = AveragingKind.Swa, Start = 0.5 } };
        // The third epoch's average has its own weights alone.
        Assert.Equal([false, false, false, true], Train(MethodChoice.Create("base"), swa).Epochs.Select(e => e.IsAverage));
        Assert.All(Train(MethodChoice.Create("base"), Short with { Averaging = new AveragingOptions() }).Epochs, e => Assert.True(e.IsAverage));
        Assert.All(Train(MethodChoice.Create("base"), Short).Epochs, e => Assert.False(e.IsAverage));
    }

    private static MethodChoice Nso(string option, object value) => MethodChoice.Create("nso", new Dictionary<string, object> { [option] = value });

    private string Refused(MethodChoice method, TrainingOptions training) => Assert.Throws<SettingException>(() => method.For(_start, training)).Message;

    private static string Refused(Recipe recipe) => Assert.Throws<SettingException>(recipe.Validate).Message;

    private double LossOf(MethodChoice method, TrainingOptions training) => Train(method, training).Best.ValidationLoss;

    private TrainingResult Train(MethodChoice method, TrainingOptions training)
    {
        using ImageClassifier model = Architectures.Get("digits-cnn").Build(5, 1);
        return new Trainer(training, method.For(
            _start with { Classifier = new TrainedClassifier(model, "digits-cnn", 8, Normalization.ImageNetGray, _start.Classifier.Classes) }, training))
            .Run(model, _start.Splits.Train, _start.Splits.Validation, Normalization.ImageNetGray, cancellation: TestContext.Current.CancellationToken);
    }

    // A method of a user's: the base optimizer's step, said to move from a step on.
    private sealed record Late(int From) : IGradientMethod
    {
        public static MethodEntry Entry { get; } = new("late", "", a => new Late(a.Count("from")), MethodOption.Count("from", "the first step", 1))
        {
            Passes = "1",
            PassesPerStep = 1,
            ExtraParameterBuffers = 0,
            Source = "",
        };

        public string Name => "late";

        public int GradientEvaluations => 1;

        public bool ActsAt(long step) => step >= From;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context) => context.Run(Probe.Centre());
    }
}
