using Polder.Curvature;
using Polder.Experiments.Comparison;
using Polder.Statistics;
using Polder.Vision.Data;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Comparison;

public class WeightCurvatureTests(DigitsFixture fixture) : IClassFixture<DigitsFixture>
{
    private static readonly TrainingOptions Training = new() { LearningRate = 0.05, Epochs = 2, BatchSize = 10 };

    // The head on frozen features is softmax regression, whose Hessian is the mean of (diag(p) - p p^T) x (x, 1)(x, 1)^T.
    [Theory]
    [InlineData(1000, 25)]
    [InlineData(10, 10)]
    public void A_linear_probe_has_the_curvature_of_softmax_regression(int samples, int expected)
    {
        using var scope = NewDisposeScope();
        using FineTuningStart start = fixture.Task.Prepare(2);
        start.Classifier.Network.FreezeBody();
        start.Classifier.Network.train(true);
        var options = new WeightCurvatureOptions { Samples = samples, RelativeError = 1e-6, Tolerance = 1e-4, MaxProducts = 1000, Radius = 0.001 };
        WeightCurvature found = options.Measure(start.Classifier, start.Splits.Train, 0, TestContext.Current.CancellationToken);

        start.Classifier.Network.eval();
        var loader = new Loader(start.Splits.Train.Sample(samples, 0),
            new LoaderOptions { BatchSize = expected, Normalization = start.Classifier.Normalization });
        using var noGrad = no_grad();
        (Tensor images, Tensor labels) = Assert.Single(loader.Epoch(0, TestContext.Current.CancellationToken)
            .Select(b => (b.Images.clone(), b.Labels.clone())));
        Tensor features = start.Classifier.Network.Features(images).to(ScalarType.Float64),
            logits = start.Classifier.Network.call(images).to(ScalarType.Float64);
        Tensor p = logits.softmax(1), x = cat([features, ones([expected, 1], ScalarType.Float64)], 1);
        Tensor inner = diag_embed(p).sub(p.unsqueeze(2).bmm(p.unsqueeze(1)));
        Tensor hessian = einsum("nij,nk,nl->ikjl", inner, x, x).div(expected).reshape(5 * 65, 5 * 65);

        Assert.Equal((expected, 5 * 65L), (found.Samples, found.Parameters));
        Assert.Equal([.. Enumerable.Repeat(expected / 5, 5)], found.ByClass);
        Assert.Equal(nn.functional.cross_entropy(logits, labels).ToDouble(), found.Loss, 1e-6);
        double trace = hessian.trace().ToDouble(), top = linalg.eigvalsh(hessian)[-1].ToDouble();
        Assert.InRange(found.Trace.StandardError, 0, 1e-6 * trace);
        Assert.Equal(trace, found.Trace.Value, 1e-5 * trace);
        Assert.Equal(top, found.TopEigenvalue.Value, 1e-5 * top);
        Assert.True(found.TopEigenvalue.Converged);
        // The head is one layer; and what noise in proportion to each weight brings is half its variance times the diagonal, where it is small.
        Linear head = start.Classifier.Network.Head;
        Tensor weights = cat([head.weight.flatten(), head.bias!]).to(ScalarType.Float64);
        Assert.Equal(weights.square().sum().ToDouble() * found.Trace.Value, found.ScaledTrace!.Value, 1e-6 * found.ScaledTrace.Value);
        Tensor scale = cat([head.weight, head.bias!.unsqueeze(1)], 1).to(ScalarType.Float64).flatten();
        double quadratic = 0.001 * 0.001 / 2 * hessian.diagonal().mul(scale.square()).sum().ToDouble();
        double error = 4 * found.Sharpness!.Value.StandardError;
        Assert.InRange(found.Sharpness.Value.Value, quadratic - error, quadratic + error);
        Assert.InRange(found.Sharpness.Value.StandardError, 0, 0.5 * quadratic);
        Assert.InRange(found.TopEigenvalue.Residual, 0, 1e-4 * top);
    }

    // Frozen or not, the Hessian in all parameters is the same; what was frozen is so again, whatever happens.
    [Fact]
    public void All_parameters_are_measured_where_a_training_kept_some_frozen()
    {
        using FineTuningStart start = fixture.Task.Prepare(2);
        var options = new WeightCurvatureOptions { Samples = 10, RelativeError = 0.5, Tolerance = 0.1, MaxProducts = 20 };
        WeightCurvature free = options.Measure(start.Classifier, start.Splits.Train, 0, Cancellation);
        start.Classifier.Network.FreezeBody();
        using var features = new FeatureCache();
        WeightCurvature head = options.Measure(start.Classifier, start.Splits.Train, 0, features, Cancellation);
        options = options with { AllParameters = true };
        WeightCurvature all = options.Measure(start.Classifier, start.Splits.Train, 0, features, Cancellation);
        Assert.Equal(5 * 65, head.Parameters);
        Assert.Equal(start.Classifier.Network.parameters().Sum(p => p.numel()), all.Parameters);
        Assert.Equal((free.Parameters, free.Trace.Value, free.TopEigenvalue.Value), (all.Parameters, all.Trace.Value, all.TopEigenvalue.Value));
        Assert.Equal(2, start.Classifier.Network.parameters().Count(p => p.requires_grad));
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => options.Measure(start.Classifier, start.Splits.Train, 0, features, stopped.Token));
        Assert.Equal(2, start.Classifier.Network.parameters().Count(p => p.requires_grad));
    }

    [Fact]
    public void Augmented_images_are_measured_as_a_set_of_their_own()
    {
        using FineTuningStart start = fixture.Task.Prepare(2);
        start.Classifier.Network.FreezeBody();
        using var features = new FeatureCache();
        var plain = new WeightCurvatureOptions { Samples = 10, RelativeError = 0.5, Tolerance = 0.1, MaxProducts = 20 };
        WeightCurvatureOptions moved = plain with { Augmentation = Augmentation.CropFlip };
        ImageSet train = start.Splits.Train, own = train.Sample(10, 3).Augmented(Augmentation.CropFlip, 3, start.Classifier.ImageSize);
        WeightCurvature expected = plain.Measure(start.Classifier, own, 3, Cancellation),
            before = plain.Measure(start.Classifier, train, 3, features, Cancellation);
        foreach (WeightCurvature found in (WeightCurvature[])[
            moved.Measure(start.Classifier, train, 3, Cancellation), moved.Measure(start.Classifier, train, 3, features, Cancellation)])
        {
            Assert.Equal(expected.Loss, found.Loss, 1e-5 * expected.Loss);
            Assert.Equal(expected.Trace.Value, found.Trace.Value, 1e-4 * expected.Trace.Value);
            Assert.NotEqual(before.Loss, found.Loss, 1e-3 * before.Loss);
        }
    }

    // Sorted by class, as a folder is: the first images are of two classes, whose Hessian is not that of the set.
    [Fact]
    public void A_sample_stands_for_its_set_where_the_first_images_would_not()
    {
        using var scope = NewDisposeScope();
        using FineTuningStart start = fixture.Task.Prepare(2);
        start.Classifier.Network.FreezeBody();
        using (no_grad())
            start.Classifier.Network.Head.bias!.copy_(tensor([6f, 0, 0, 0, 0])); // sure of one class: the curvature is that of the images that it knows better
        ImageSet test = start.Splits.Test, all = test.Subset([.. Enumerable.Range(0, test.Count).OrderBy(i => test.Labels[i])]);
        ImageSet first = all.Subset([.. Enumerable.Range(0, 60)]), drawn = all.Sample(60, 5);
        Assert.InRange(first.Labels.Distinct().Count(), 1, 2);
        Assert.InRange(drawn.ClassCounts().Max() - drawn.ClassCounts().Min(), 0, 2);
        TraceEstimate TraceOf(ImageSet set) => HessianOf(set).Trace(new TraceEstimationOptions { RelativeError = 0.02, MaxProducts = 200 }, Cancellation);
        double whole = TraceOf(all).Value, sampled = TraceOf(drawn).Value, begun = TraceOf(first).Value;
        MeanEstimate spread = PartSpread.OfTrace([.. drawn.Parts(10, 5).Select(HessianOf)], cancellation: Cancellation);
        Assert.InRange(Math.Abs(sampled - whole), 0, 3 * spread.StandardError);
        Assert.True(Math.Abs(begun - whole) > 5 * spread.StandardError, $"{whole}, drawn {sampled}, first {begun}, +- {spread.StandardError}");

        Hessian HessianOf(ImageSet set) => new(start.Classifier.CrossEntropy(set));
    }

    [Fact]
    public void A_study_measures_the_weights_that_it_tests()
    {
        var options = new WeightCurvatureOptions { RelativeError = 0.2, Tolerance = 0.01 };
        var study = new ComparisonStudy(fixture.Task, Choices(("base", 0), ("nso", 0), ("nso", 0.05)), Training) { Curvature = options };
        ComparisonResult result = study.Execute([3], Cancellation);
        IReadOnlyList<MethodRuns> results = result.Methods;
        WeightCurvature[] found = [.. results.Select(r => Assert.Single(r.Runs).Curvature!)];

        // The same training by hand.
        using FineTuningStart start = fixture.Task.Prepare(3);
        TrainingOptions training = Training with { Seed = 3 };
        new Trainer(training, MethodChoice.Create("base").For(start, training)).Run(
            start.Classifier.Network, start.Splits.Train, start.Splits.Validation, start.Classifier.Normalization, start.Classifier.ImageSize, Cancellation);
        WeightCurvature own = options.Measure(start.Classifier, start.Splits.Train, 3, Cancellation);
        var loader = new Loader(start.Splits.Train, new LoaderOptions { BatchSize = 25, Normalization = start.Classifier.Normalization });
        Assert.Equal(EvaluationResult.Of(start.Classifier.Network, loader, Cancellation).Loss, found[0].Loss, 1e-5);

        // Equal weights have equal curvature: all methods of a seed see the same probes. Noise leads to other weights.
        Assert.Equal((own.Trace.Value, own.TopEigenvalue.Value), (found[0].Trace.Value, found[0].TopEigenvalue.Value));
        Assert.Equal((own.Trace.Value, own.TopEigenvalue.Value), (found[1].Trace.Value, found[1].TopEigenvalue.Value));
        Assert.NotEqual(own.Trace.Value, found[2].Trace.Value);
        Assert.All(found, c => Assert.InRange(c.Trace.StandardError, 0, 0.2 * Math.Abs(c.Trace.Value)));
        Assert.Empty(result.Unmeasured);

        // What was not asked for is not there.
        MethodRun without = new ComparisonStudy(fixture.Task, Choices(("base", 0)), Training).Execute([3], Cancellation).Methods[0].Runs[0];
        Assert.Null(without.Curvature);
        Assert.Equal(without.TestLoss, results[0].Runs[0].TestLoss);
    }

    [Fact]
    public void A_run_whose_measurement_is_stopped_keeps_its_accuracy()
    {
        using var stop = new CancellationTokenSource();
        var seen = new List<MeasuringProgress>();
        var study = new ComparisonStudy(fixture.Task, Choices(("base", 0), ("nso", 0.01)), Training)
        {
            Curvature = new WeightCurvatureOptions { RelativeError = 0.3, Tolerance = 0.1 },
            Measuring = new Relay<MeasuringProgress>(p =>
            {
                seen.Add(p);
                if (p is { Method: "nso", Curvature.Figure: "trace" })
                    stop.Cancel();
            }),
        };
        IReadOnlyList<MethodRuns> results = study.Execute([0, 1], stop.Token).Methods;
        Assert.Equal(["base", "nso"], results.Select(r => r.Method));
        Assert.NotNull(Assert.Single(results[0].Runs).Curvature);
        Assert.Null(Assert.Single(results[1].Runs).Curvature);
        Assert.InRange(results[1].Runs[0].TestAccuracy, 0.01, 1);
        Assert.Equal([1, 2], seen.Select(p => p.Done).Distinct());
        Assert.Equal(["top eigenvalue", "trace"], seen.Select(p => p.Curvature.Figure).Distinct());
    }

    [Fact]
    public void A_figure_is_summed_up_and_paired_over_the_runs_that_have_it()
    {
        // Traces 3 and 5 against 2, none and 1: one seed in common; the accuracies have two.
        MethodRuns method = Runs((7, 0.9, 3), (3, 0.8, 5)), reference = Runs((3, 0.7, null), (7, 0.5, 2), (9, 0.1, 1));
        Assert.Equal((4.0, Math.Sqrt(2), 2), (method.SummaryOf(Trace)!.Mean, method.SummaryOf(Trace)!.StandardDeviation, method.SummaryOf(Trace)!.Count));
        PairedDifference difference = method.DifferenceTo(reference, Trace)!;
        Assert.Equal((1.0, 1), (difference.Mean, difference.Pairs));
        Assert.Equal(2, method.DifferenceTo(reference)!.Pairs);
        Assert.Null(Runs((3, 0.7, null)).SummaryOf(Trace));
        Assert.Null(Runs((3, 0.7, null)).DifferenceTo(reference, Trace));

        double[] traces = [5, 9, 7, 8, 6];
        MethodRuns five = Runs([.. traces.Select((t, i) => ((long)i, 0.5, (double?)t))]),
            lower = Runs([.. traces.Select((t, i) => ((long)i, 0.5, (double?)(t - 1 - (0.1 * i))))]);
        IReadOnlyList<PairedDifference?> differences = MethodDifferences.Of([five, lower], five, Trace);
        Assert.Equal(-1.2, differences[1]!.Mean, 1e-12);
        // One test: nothing to correct. Differences -1, -1.1 ... -1.4: t = -1.2 / (sqrt(0.025) / sqrt 5).
        Assert.Equal(differences[1]!.P, differences[1]!.PHolm);
        Assert.Equal(Math.Sqrt(0.025 / 5), differences[1]!.StandardError, 1e-12);
        Assert.InRange(differences[1]!.P!.Value, 0, 1e-4);
        Assert.Null(MethodDifferences.Of([five, lower], five)[1]!.P); // the accuracies are all equal

        static double? Trace(MethodRun run) => run.Curvature?.Trace.Value;
    }

    [Theory]
    [InlineData(0, 0.02, 1e-3, 1000, "Samples")]
    [InlineData(10, 0, 1e-3, 1000, "RelativeError")]
    [InlineData(10, 0.02, 0, 1000, "Tolerance")]
    [InlineData(10, 0.02, 1e-3, 1, "MaxProducts")]
    public void An_option_out_of_range_is_named(int samples, double relativeError, double tolerance, int products, string name)
    {
        using FineTuningStart start = fixture.Task.Prepare(0);
        var options = new WeightCurvatureOptions { Samples = samples, RelativeError = relativeError, Tolerance = tolerance, MaxProducts = products };
        var thrown = Assert.Throws<ArgumentOutOfRangeException>(() => options.Measure(start.Classifier, start.Splits.Train, 0, Cancellation));
        Assert.Equal(name, thrown.ParamName);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static MethodChoice[] Choices(params (string Name, double Sigma)[] methods) =>
        [.. methods.Select(m => m.Name == "base" ? MethodChoice.Create(m.Name) : MethodChoice.Create(m.Name).With("sigma", m.Sigma))];

    private static MethodRuns Runs(params (long Seed, double Accuracy, double? Trace)[] runs) => new(
        "any", new Dictionary<string, object>(), [.. runs.Select(r => new MethodRun(r.Seed, r.Accuracy, 0, 0, 0, 0, 1, 1, 1, 0, 0)
        {
            Curvature = r.Trace is { } trace
                ? new WeightCurvature(1, 1, 0, new TraceEstimate(trace, 0, 1, 1, "exact", 1, EstimateExit.Exact), new Eigenpair(1, 0, true), 2)
                : null,
        })]);
}
