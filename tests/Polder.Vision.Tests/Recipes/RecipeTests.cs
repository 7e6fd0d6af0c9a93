using System.Globalization;
using System.Text.Json.Nodes;
using Polder.Methods.Registry;
using Polder.Objectives;
using Polder.Regularization;
using Polder.Settings;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Data.Distortions;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Tests.Data;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Recipes;

public sealed class RecipeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // A value of its own for every setting.
    private static Recipe Full => new()
    {
        Data = new DataRecipe
        {
            Source = "photos",
            Dataset = "cifar10",
            PerClass = 3,
            Fraction = 0.25,
            TestFraction = 0.5,
            ValidationFraction = 0.25,
            DropDuplicates = true,
            LabelNoise = 0.125,
            SkipUnreadable = true,
        },
        Start = new StartRecipe
        {
            Weights = "w.pth",
            Architecture = "resnet32",
            ImageSize = 48,
            Fit = ImageFit.Letterbox,
            KeyPrefix = "ema.",
            HeadOutput = "logits",
            Features = "pooled",
            Channels = "bgr",
            Normalize = "0.5/0.25"
        },
        Method = MethodChoice.Create("nso", new Dictionary<string, object> { ["sigma"] = 0.0625, ["pairs"] = 2, ["noise"] = "laplace" }),
        Training = new TrainingOptions
        {
            Optimizer = BaseOptimizer.Sgd,
            LearningRate = 0.1,
            Momentum = 0.5,
            WeightDecay = 0.001,
            Epochs = 7,
            BatchSize = 9,
            ValidateEvery = 2,
            Schedule = LearningRateSchedule.OneCycle,
            WarmUp = 0.2,
            Patience = 4,
            PatienceOn = PatienceOn.Loss,
            ClassWeights = ClassWeights.Balanced,
            ClassWeightPower = 0.25,
            Sampling = Sampling.Balanced,
            Augmentation = Augmentation.ResizedCropFlip,
            Distortion = new Distortion { ColorJitter = 0.1, HueJitter = 0.2, RandAugment = 2, Magnitude = 3, Erasing = 0.3 },
            CutMix = 0.4,
            Mixup = 0.6,
            LabelSmoothing = 0.05,
            Distance = new DistanceOptions { Penalty = 0.7, Radius = 2, HeadRadius = 3, Norm = DistanceNorm.MaxRowSum },
            Averaging = new AveragingOptions { Kind = AveragingKind.Swa, Start = 0.5, LearningRate = 0.02, CycleEpochs = 2 },
            Freeze = ["conv1.*", "bn1.*"],
            HeadEpochs = 1,
            HeadSolver = HeadSolver.Lbfgs,
            HeadL2 = 0.05,
            HeadStartL2 = 0.5,
            HeadImages = HeadImages.All,
            Keep = KeptWeights.Last,
            LayerDecay = 0.9,
            ClipNorm = 5,
            Accumulate = 3,
            BatchNorm = BatchNormPolicy.CleanForward,
            NonFinite = Optimization.NonFinitePolicy.Skip,
            Precision = Machine.Precision.BF16,
            MemoryLayout = Machine.MemoryLayout.Contiguous,
        },
        Refit = Refit.All,
        Seed = 11,
    };

    [Fact]
    public void A_recipe_is_the_same_after_a_journey_through_json_in_every_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            foreach (string separator in (string[])[".", ",", "\u066B"])
            {
                var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
                (culture.NumberFormat.NumberDecimalSeparator, culture.NumberFormat.NegativeSign) = (separator, "\u2212");
                CultureInfo.CurrentCulture = culture;
                JsonObject json = RecipeJson.Write(Full);
                Recipe read = RecipeJson.Read(JsonNode.Parse(ResultJson.Text(json))!.AsObject(), "config.json");
                Assert.Equal(json.ToJsonString(), RecipeJson.Write(read).ToJsonString());
                Assert.Equal(Full.Data, read.Data);
                Assert.Equal(Full.Start, read.Start);
                Assert.Equal(Full.Training with { Freeze = [] }, read.Training with { Freeze = [] });
                Assert.Equal(Full.Training.Freeze, read.Training.Freeze);
                Assert.Equal(Full.Method.Options, read.Method.Options);
                Assert.Equal((Refit.All, 11), (read.Refit, read.Seed));
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Every_method_with_every_option_is_the_same_after_the_journey()
    {
        foreach (MethodEntry method in MethodRegistry.All)
        {
            var options = new Dictionary<string, object>();
            foreach (MethodOption option in method.Options.Where(o => o.Default is double))
                options[option.Name] = option.TryParse("0.375", out object value) ? value : option.Default;
            if (method.Option("micro-perturb") is not null)
                options["micro-perturb"] = 3;
            Recipe recipe = Full with { Method = MethodChoice.Create(method.Name, options) };
            Recipe read = RecipeJson.Read(JsonNode.Parse(ResultJson.Text(RecipeJson.Write(recipe)))!.AsObject(), "config.json");
            Assert.Equal(recipe.Method.Options, read.Method.Options);
            Assert.Equal((method.Name, method.Name == "base" ? null : (object)0.375),
                (read.Method.Name, read.Method.Options.GetValueOrDefault("method-start")));
        }
    }

    [Fact]
    public void Every_setting_differs_from_its_default_in_the_journey()
    {
        // Else a field that writes or reads another's value could pass.
        var fresh = new Recipe();
        Assert.Empty(RecipeFields.All.Where(f => f.Name is not ("shots" or "freeze-body" or "optimizer" or "ema-decay" or "effort")
            && ValueKind.TextOf(f.ValueIn(Full)) == ValueKind.TextOf(f.ValueIn(fresh))).Select(f => f.Name));
        foreach (RecipeField field in RecipeFields.All)
        {
            object? value = field.ValueIn(Full) ?? field.ValueIn(fresh);
            if (value is null)
                continue;
            Assert.Equal(ValueKind.TextOf(value), ValueKind.TextOf(field.ValueIn(field.With(fresh, value))));
            Assert.Equal(ValueKind.TextOf(value), ValueKind.TextOf(field.Kind.Read(ValueKind.TextOf(value))));
        }
        Assert.Equal(RecipeFields.All.Count, RecipeFields.All.Select(f => f.Name).Distinct().Count());
    }

    [Fact]
    public void What_is_not_said_is_what_network_and_data_are_trained_with()
    {
        Recipe demo = new Recipe().Resolve();
        Assert.Equal((0.2, 0.9, 1e-4, 40, 10),
            (demo.Training.LearningRate, demo.Training.Momentum, demo.Training.WeightDecay, demo.Training.Epochs, demo.Training.BatchSize));
        Assert.Equal((0.02, 5), ((double)demo.Method.Options["sigma"], demo.Data.Shots));
        Assert.True(demo.IsDemo);
        Assert.Equal(0.003, new Recipe { Training = new TrainingOptions { Optimizer = BaseOptimizer.AdamW } }.Resolve().Training.LearningRate);

        var start = new StartRecipe { Architecture = "resnet18" };
        Recipe scratch = new Recipe { Start = start }.Resolve();
        Assert.False(scratch.IsDemo);
        Assert.Equal((0.03, 30, 32, 224), (scratch.Training.LearningRate, scratch.Training.Epochs, scratch.Training.BatchSize, scratch.Start.ImageSize));
        Assert.Equal(0.01, scratch.Method.Options["sigma"]);
        Assert.Equal(0.1, new Recipe { Start = start, Training = new TrainingOptions { FreezeBody = true } }.Resolve().Training.LearningRate);
        Assert.Equal(0.7, new Recipe { Start = start, Training = new TrainingOptions { LearningRate = 0.7 } }.Resolve().Training.LearningRate);

        LearningRates small = Architectures.Get("resnet20").LearningRates;
        Assert.Equal(
            (0.03, 1, 0.003), (small.For(pretrained: true, false, false), small.For(true, headAlone: true, false), small.For(true, false, adaptive: true)));

        // Resolving twice changes nothing, nor does a journey through JSON between.
        foreach (Recipe recipe in (Recipe[])[demo, scratch, new Recipe { Method = MethodChoice.Create("bsam") }.Resolve()])
        {
            Recipe again = RecipeJson.Read(RecipeJson.Write(recipe), "config.json").Resolve();
            Assert.Equal(RecipeJson.Write(recipe).ToJsonString(), RecipeJson.Write(again).ToJsonString());
        }
    }

    [Fact]
    public void The_weights_say_architecture_and_size()
    {
        string path = Path.Combine(_folder.Path, "w.safetensors");
        using (var classifier = new TrainedClassifier(Architectures.Get("resnet20").Build(2, 0), "resnet20", 40, Normalization.ImageNet, ["a", "b"]))
            classifier.Save(path);
        Recipe recipe = new Recipe { Start = new StartRecipe { Weights = path } }.Resolve();
        Assert.Equal(("resnet20", 40, 0.03), (recipe.Start.Architecture, recipe.Start.ImageSize!.Value, recipe.Training.LearningRate));
        Assert.Equal("arch", Assert.Throws<SettingException>(() =>
            new Recipe { Start = new StartRecipe { Weights = path, Architecture = "resnet32" } }.Resolve()).Setting);
    }

    [Fact]
    public void A_method_with_an_update_of_its_own_has_plain_sgd_below_it()
    {
        var bsam = new Recipe { Method = MethodChoice.Create("bsam") };
        TrainingOptions training = bsam.Resolve().Training;
        Assert.Equal((0.2 / (1 - 0.9), 0.0, 0.0), (training.LearningRate, training.Momentum, training.WeightDecay));
        // A rate that is said is the method's own.
        Assert.Equal(0.3, (bsam with { Training = new TrainingOptions { LearningRate = 0.3 } }).Resolve().Training.LearningRate);
        Assert.Equal("momentum", Refused(bsam with { Training = new TrainingOptions { Momentum = 0.5 } }).Setting);
        Assert.Equal("weight-decay", Refused(bsam with { Training = new TrainingOptions { WeightDecay = 0.5 } }).Setting);
        Assert.Equal("optimizer", Refused(bsam with { Training = new TrainingOptions { Optimizer = BaseOptimizer.Adam } }).Setting);
    }

    [Fact]
    public void A_setting_that_is_not_allowed_beside_others_is_named()
    {
        static Recipe With(TrainingOptions training) => new() { Training = training };
        Assert.Equal("--head-epochs: found 40, allowed: a whole number below --epochs, 40 (--freeze-body trains the head alone)",
            Refused(With(new TrainingOptions { HeadEpochs = 40 })).Describe(name => "--" + name));
        Assert.Equal("head-epochs", Refused(With(new TrainingOptions { HeadEpochs = 2, FreezeBody = true })).Setting);
        Assert.Equal("layer-decay", Refused(With(new TrainingOptions { LayerDecay = 0.5, FreezeBody = true })).Setting);
        Assert.Equal("learning-rate", Refused(With(new TrainingOptions { LearningRate = 0 })).Setting);
        Assert.Equal("shots: found 3, allowed: only with data digits, and without weights and arch", Refused(new Recipe
        {
            Data = new DataRecipe { Shots = 3 },
            Start = new StartRecipe { Architecture = "resnet20" },
        }).Message);
        Assert.Equal("ema-decay: found 0.5, allowed: only with average ema",
            Refused(With(new TrainingOptions { Averaging = new AveragingOptions { Kind = AveragingKind.Swa, Decay = 0.5 } })).Message);
        Assert.Equal("distance-norm", Refused(With(new TrainingOptions { Distance = new DistanceOptions { Norm = DistanceNorm.MaxRowSum } })).Setting);
        Assert.Equal("epochs", Refused(With(new TrainingOptions { Epochs = 0 })).Setting);
        Assert.Equal("Epochs", Assert.Throws<ArgumentOutOfRangeException>(() => With(new TrainingOptions { Epochs = -1 }).Validate()).ParamName);
    }

    [Fact]
    public void A_wrong_member_of_a_file_is_named()
    {
        JsonObject json = RecipeJson.Write(Full);
        json["learningRate"] = "fast";
        Assert.Equal("c.json: learningRate: found \"fast\", allowed: a number > 0",
            Assert.Throws<DataException>(() => RecipeJson.Read(json, "c.json")).Message);
        json["learningRate"] = 1;
        json["pairs"] = 0.5;
        Assert.StartsWith("c.json: pairs: found 0.5, allowed: a whole number >= 1",
            Assert.Throws<DataException>(() => RecipeJson.Read(json, "c.json")).Message);
    }

    [Fact]
    public void A_recipe_trains_tests_and_keeps_a_run_folder_that_repeats_it()
    {
        string first = Path.Combine(_folder.Path, "first"), second = Path.Combine(_folder.Path, "second");
        var recipe = new Recipe { Training = new TrainingOptions { Epochs = 3 }, Method = MethodChoice.Create("sam"), Seed = 5 };
        int steps = 0;
        using FineTuningResult result = recipe.Run(first, new Relay<TrainingProgress>(_ => steps++), TestContext.Current.CancellationToken);
        Assert.Equal((9, 3), (steps, result.Training.Epochs.Count));
        Assert.InRange(result.Test.Accuracy, 0.3, 1);

        RunFolder run = RunFolder.Open(first);
        Assert.Equal(3, File.ReadLines(run.Metrics).Count());
        Assert.Equal(RecipeJson.Write(result.Recipe).ToJsonString(), RecipeJson.Write(run.ReadRecipe()).ToJsonString());
        using FineTuningResult again = run.ReadRecipe().Run(second, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(result.Test.Loss, again.Test.Loss);
        Assert.Equal(File.ReadAllBytes(run.Best), File.ReadAllBytes(RunFolder.Open(second).Best));

        Assert.Equal("out", Assert.Throws<SettingException>(() => recipe.Run(first)).Setting);
    }

    [Fact]
    public void What_is_refused_leaves_no_folder()
    {
        string path = Path.Combine(_folder.Path, "none");
        var training = new TrainingOptions { Epochs = 1, Freeze = ["no-such-layer.*"] };
        Assert.Equal("freeze", Assert.Throws<SettingException>(() => new Recipe { Training = training }.Run(path)).Setting);
        Assert.False(Directory.Exists(path));
    }

    private static SettingException Refused(Recipe recipe) => Assert.Throws<SettingException>(recipe.Validate);
}
