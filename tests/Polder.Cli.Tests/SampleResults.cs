using Polder.Checkpoints.Onnx;
using Polder.Cli.Measuring;
using Polder.Curvature;
using Polder.Experiments.Comparison;
using Polder.Experiments.Measurement;
using Polder.Experiments.Reports;
using Polder.Experiments.Sensing;
using Polder.Experiments.Theory;
using Polder.Flatness;
using Polder.Generalization;
using Polder.Machine;
using Polder.Onnx;
using Polder.Parameters;
using Polder.Vision.Classifiers;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using Polder.Vision.Training.Metrics;

namespace Polder.Cli.Tests;

/// <summary>Results of each kind, made up so that no machine's arithmetic is in them.</summary>
internal static class SampleResults
{
    public static ExportReport Export { get; } = new(
        "model.onnx", "labels.txt", [new OnnxValue("input", OnnxType.Float, [new(null, "batch"), new(3), new(32), new(32)])],
        [new OnnxValue("logits", OnnxType.Float, [new(null, "batch"), new(2)]), new OnnxValue("probabilities", OnnxType.Float, [new(null, "batch"), new(2)])],
        Opset: 17, Bytes: 1_098_765, EqualParameters: 102, MaxError: 2.5e-7);

    public static TraceEstimate Trace { get; } = new(12.5, 0.25, 20, 40, "deflated", 10, EstimateExit.Budget)
    {
        SquaredFrobeniusNorm = new(36, 0.6, 20, 40),
        Blocks = [(Layers[0], new(10, 0.2, 20, 40)), (Layers[1], new(2.5, 0.125, 20, 40))],
    };

    public static IReadOnlyList<MethodRuns> Comparison =>
    [
        Runs("base", "base", Options("base"), 0),
        Runs("nso", "nso", Options("nso", ("sigma", 0.02)), 1),
        Runs("nso", "nso+every=2", Options("nso", ("sigma", 0.02), ("every", 2)), 2),
        Runs("sam", "sam", Options("sam", ("rho", 0.5)), 3),
    ];

    public static IReadOnlyList<MethodRuns> OneSeed =>
    [
        .. Comparison.Select(r => r with
        {
            Runs =
            [
                r.Runs[0] with
                {
                    SkippedSteps = 0,
                    AtLoss = r.Method == "sam" ? null : new MatchedCurvature(0.5, 7, r.Runs[0].Curvature!),
                    AtBestEpoch = new BestEpochTest(6, 0.875),
                },
            ],
        }),
    ];

    public static IReadOnlyList<SensingResult> Sensing =>
    [
        .. from seed in new long[] { 0, 1, 2 }
           from method in new[] { "gd", "wp", "nso" }
           let figures = new SensingMetrics(1e-7 * (seed + 1), method == "nso" ? 0.004 : 0.5 + (0.1 * seed), 1234.5)
           select new SensingResult(method, seed, figures, 0.00125, [new(0, new(1, 1, 1)), new(50, figures)]),
    ];

    public static FairSensingOptions FairOptions { get; } = new()
    {
        Points = [2],
        Sigmas = [0.04, 0.08],
        LearningRates = [0.0025],
        ChoiceSeeds = [10],
        Seeds = [0, 1],
    };

    public static FairSensingResult Fair
    {
        get
        {
            SensingChoice[] choices =
            [
                new(new("wp", 2), 0.04, 0.0025, 4000, 0.0125), new SensingChoice(new("wp", 2), 0.08, 0.0025, 5000, 0.006) with { IsChosen = true },
                new(new("nso", 2), 0.04, 0.0025, 5000, 0.0115), new SensingChoice(new("nso", 2), 0.08, 0.0025, 5000, 0.0005) with { IsChosen = true },
                new(new("nso", 2), 5, double.NaN, 0, double.PositiveInfinity),
            ];
            return new FairSensingResult(
                choices,
                [
                    .. from choice in choices.Take(4)
                       from seed in new long[] { 0, 1 }
                       select new SensingTest(choice, seed, new(0.001, choice.Error * (1 + seed), 0.25), new(100, 2, 20, 20)),
                ],
                ["nso+pairs=1, sigma 0.5, rate 0.0025, seed 1"]);
        }
    }

    public static ConvergenceResult Convergence { get; } = new(
        [
            new(PairBatches.Fresh, 1, 256, 0.0625, 1.02, new(0.125, 0.001, 400), 0.25),
            new(PairBatches.Shared, 4, 256, 0.0625, 1.005, new(0.12, 0.001, 400), 0.25),
        ],
        [new(256, 1, new(1.25, 0.01, 400), 1.245, new(1.5, 0.01, 400), 1.51, 2.75)],
        [new(4, 1, new(0.5, 0.001, 400), 0.501, 0.625, 0.5), new(4096, 0.25, new(0.001, 1e-6, 400), 0.001, 0.002, 0.0005)],
        0.0009765625,
        [new("kink", 0.25, new(0.36, 0.001, 400), 0.3634, new(0.36, 0.001, 400), 0.3634), new("quadratic", 0.25, new(1, 0.002, 400), 1, new(0, 0, 400), 0)],
        [
            new("rates", "|grad F|^2 against T, k = 1", new(-0.4954, 0.001, -0.4974, -0.4934), -0.5),
            new("crossover", "|grad F|^2 against T, v = 0", new(-1, 0, -1, -1), -1),
            new("noise", "two-point variance against sigma, smooth", new(3.986, 0.001, 3.984, 3.988), 4, 3.9886),
        ]);

    public static IReadOnlyList<PenaltyLook> Penalty { get; } =
    [
        new(Activation.Relu, 0, 0, 2.3, Trace, [new(0.001, new(6.25e-6, 5e-6, 20)), new(0.01, new(0.0025, 0.0001, 20))]),
        new(Activation.Relu, 0, 100, 0.5, Trace, [new(0.001, new(6.25e-6, 1e-7, 20)), new(0.01, new(0.0025, 0.0001, 20))]),
    ];

    public static IReadOnlyList<ValleyEnds> Valleys { get; } =
    [
        new("base", null, 800, new(0.6, 0.05, 200), new(0.4, 0.05, 200), new(0, 0, 80), 0.0015, 0, [[(0, 0)], [(0, 0)], [(0, 0)], [(0, 0)]]),
        new("nso", 0.3, 400, new(1, 0, 200), new(0, 0, 200), new(double.NaN, double.NaN, 0), 0.0025, 1, [[(0, 0)], [(0, 0)], [(0, 0)], [(-1, 0)]]),
    ];

    public static NoiseGapResult Gap { get; } = new(0.25, [new(0.001, new(6.2e-6, 1e-7, 20)), new(0.1, new(0.0625, 0.00125, 20))], 20);

    public static HessianReport Hessian
    {
        get
        {
            var found = new HessianReport(Layers, 1000)
            {
                Trace = Trace,
                Eigenvalues = new([new(8.5, 1e-6, true), new(2.25, 0.125, false)], [new(-0.5, 0.001, true)], 33,
                    EigenExit.Budget)
                { OverImages = [new(8.5, 0.25, 10), new(2.25, 0.125, 10), new(-0.5, 0.0625, 10)] },
                TraceOverImages = new(12.5, 0.75, 10),
                LayerSample = new(128, 1000, 0, new Dictionary<string, int> { ["cat"] = 64, ["dog"] = 64 }),
                Density = SpectralDensity.Of(new DenseOperator(TorchSharp.torch.diag(TorchSharp.torch.tensor(new[] { 2.0, -1.0 }))),
                    new DensityOptions { Probes = 2, Steps = 2, Points = 2 }),
            };
            found.LayerEigenvalues["conv1"] = new([new(8, 0.01, true)], [], 12, EigenExit.Converged);
            found.LayerEigenvalues["fc"] = new([new(2, 0.5, false)], [], 12, EigenExit.Budget);
            return found;
        }
    }

    public static LossLine Line { get; } = new([-1, 0, 1], [0.75, 0.25, double.NaN]);

    public static LossPlane Plane { get; } = new([-1, 0, 1], [[1, 0.75, 1.25], [0.5, 0.25, 0.5], [double.NaN, double.NaN, double.NaN]]);

    public static BoundResult Bound { get; } = new(
        new BoundSample(1000, 5, Math.Log(500), () => throw new NotSupportedException()), new BoundOptions(), 14.25, new(0.002, 0.0125),
        [
            new(0.5, 16200, 0.9) { Measured = new(new(0.5, 0.01, 100), 0.55, 0.95, new(2.5, 0.02, 100), 2.6, 5.5, 6) },
            new(0.1, 162000, 0.999) { Measured = new(new(0.1, 0.01, 100), 0.12, 0.7, new(0.5, 0.02, 100), 0.6, 3.5, 4) },
            new(0.05, 1.62e6, 1),
        ]);

    public static HessianForm Form { get; } = HessianForm.Of(Bound, Trace, new(3.5, [new(Layers[0], 12, 3), new(Layers[1], 7.5, 0.5)], 1));

    public static IReadOnlyList<Premise> Premises { get; } =
        [new("independentStart", null, "assumed: the start was chosen without the sample"), new("buffers", false, "2 of 4 running statistics moved"),
            new("noDuplicates", true, "the 1000 examples are distinct")];

    public static MethodChoice Method => MethodChoice.Create("nso", new Dictionary<string, object> { ["sigma"] = 0.02 });

    public static TrainingResult Training { get; } = new(Epoch(2, isBest: true), [Epoch(1, isBest: true), Epoch(2, isBest: true), Epoch(3, isBest: false)], 120,
        240, 0.0125)
    { SkippedSteps = 2 };

    public static IReadOnlyList<TuningPoint> Grid { get; } =
    [
        new("shots", "2 shots, base", 2, new(0.5, 0.05, 5), 1.5, 0),
        new("shots", "5 shots, base", 5, new(0.875, 0.0125, 5), 0.5, 0),
        new("base", "learning rate 0.1", 0.1, new(0.75, double.NaN, 1), 0.75, 0),
        new("nso", "sigma 0.01", 0.01, new(0.875, 0.0125, 4), 0.5, 1),
        new("nso", "sigma 10", 10, new(double.NaN, double.NaN, 0), double.NaN, 5),
    ];

    public static IReadOnlyList<Prediction> Predictions { get; } =
        [.. Enumerable.Range(0, 52).Select(i =>
            new Prediction($"photos/{i}.jpg", i == 1 ? [] : [new(0, "cat", 0.75), new(1, "dog, \"big\"", 0.25)], i == 1 ? "photos/1.jpg: is no image" : null))];

    public static IReadOnlyList<ConvolutionVerdict> Verdicts { get; } =
    [
        new(ConvolutionShape.Square(3, 64, kernel: 7, stride: 2) with { NeedsInputGradient = false }, [], new(1e-7, 0, 1e-7), new(1e-7, 0, 1e-7))
        { BFloat16 = new(2e-3, 0, 3e-3) },
        new(ConvolutionShape.Square(20, 20), [], new(0.5, 2e-7, double.PositiveInfinity), new(1e-7, 1e-7, 1e-7)) { BFloat16 = new(2e-3, 0.1, 3e-3) },
        new(ConvolutionShape.Square(8, 8), [], new(0.5, 0.5, 0.5), new(0.5, 0.5, 0.5)) { BFloat16 = new(2e-3, 3e-3, 3e-3) },
    ];

    private static ParameterBlock[] Layers => [new("conv1", 0, 600), new("fc", 600, 400)];

    public static Result Evaluation(int classes) => EvaluationReport.Of("test", [.. Names(classes)], Metrics(classes));

    /// <summary>Metrics of a classifier that takes every other image of the last class for the first.</summary>
    public static ClassificationMetrics Metrics(int classes)
    {
        var metrics = new MetricsAccumulator([.. Names(classes)]);
        for (int i = 0; i < 4 * classes; i++)
        {
            float[] logits = new float[classes];
            logits[i % classes == classes - 1 && i % 2 == 0 ? 0 : i % classes] = 100;
            metrics.Add(logits, i % classes);
        }
        return metrics.Result(1, 3);
    }

    private static IEnumerable<string> Names(int classes) => Enumerable.Range(0, classes).Select(c => classes == 3 ? $"{c}" : $"a class with a name, {c}");

    private static IReadOnlyDictionary<string, object> Options(string method, params (string Name, object Value)[] values) =>
        MethodChoice.Create(method, values.ToDictionary(v => v.Name, v => v.Value)).Options;

    private static MethodRuns Runs(string method, string label, IReadOnlyDictionary<string, object> options, int better) =>
        new(method, options, [.. Enumerable.Range(0, 5).Select(seed => Run(seed, better))]) { Label = label };

    // In eighths and the like, which doubles hold exactly.
    private static MethodRun Run(int seed, int better)
    {
        double accuracy = 0.5 + (seed / 64.0) + (better * (seed + 1) / 256.0);
        return new MethodRun(seed, accuracy, 0.5, accuracy + 0.125, 0.25, 0.125, 3, 120, 120 * (1 + better), 0.25, 30 + better)
        {
            SkippedSteps = better == 3 ? seed : 0,
            Curvature = new(1000, 56229, 0.125, Trace with { Value = 1000 - (100 * better) - (16 * seed) },
                new(8.5 + (better * seed / 8.0), 0.001, better < 3), 60),
        };
    }

    private static EpochReport Epoch(int epoch, bool isBest) => new(epoch, 0.5, 0.25, 0.875, 0.01, 1.5, isBest);
}
