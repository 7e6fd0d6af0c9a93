using Polder.Generalization;
using Polder.Parameters;
using Polder.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Generalization;

/// <summary>A threshold classifier on a line, whose error under noise is known: every term of the bound is computed again by hand.</summary>
public sealed class BoundEstimatorTests : IDisposable
{
    private const int Examples = 400;
    private readonly Parameter _w = new(tensor(new double[] { 1.5, 7 }));
    private readonly ParameterSpace _space;
    private readonly ParameterVector _start;

    public BoundEstimatorTests()
    {
        _space = ParameterSpace.Of([_w]);
        _start = WeightDistance.StartOf(_space, [tensor(new double[] { 1.2, 6.6 })]);
    }

    // One example in four has its threshold at 1, the others at 3: the classifier errs on those below which w[0] lies.
    private BoundSample Sample => new(Examples, 2, Math.Log(200), () =>
    {
        double w = _w.data<double>()[0];
        double error = w < 1 ? 1 : w < 3 ? 0.25 : 0;
        return new ClassifierLosses(error, error * Math.Log(200));
    });

    public void Dispose()
    {
        _start.Dispose();
        _w.Dispose();
    }

    [Fact]
    public void Every_term_is_the_formulas()
    {
        var options = new BoundOptions { Sigmas = [0.25, 0.5], Draws = 2000, Delta = 0.1, DrawDelta = 0.02, Beta = 0.6 };
        BoundResult result = BoundEstimator.Estimate(_space, _start, Sample, options, seed: 4);
        Assert.Equal(0.5, result.Distance, 1e-15); // 3-4-5 triangle
        Assert.Equal(new ClassifierLosses(0.25, 0.25 * Math.Log(200)), result.Clean);
        Assert.Equal([0.5, 0.25], result.Points.Select(p => p.Sigma));
        Assert.Equal(0.88, result.Confidence, 1e-15);

        SigmaBound point = result.Points[0];
        Assert.Equal(0.5, point.Divergence, 1e-14);
        Assert.Equal(1 - Math.Exp(-(0.5 + Math.Log(2 * 20 / 0.05)) / Examples), point.LeastErrorBound, 1e-14);
        MeasuredBound measured = point.Measured!;
        // w + 0.5 u errs on all where u < -1, on none where u > 3.
        double below = 0.15865525393145707, above = 0.0013498980316301;
        double expected = below + (0.25 * (1 - below - above)), variance = below + (0.0625 * (1 - below - above)) - (expected * expected);
        Assert.Equal(expected, measured.Error.Value, 4 * Math.Sqrt(variance / 2000));
        Assert.Equal(Math.Sqrt(variance / 2000), measured.Error.StandardError, 0.15 * Math.Sqrt(variance / 2000));
        Assert.Equal(measured.Error.Value * Math.Log(200), measured.Loss.Value, 1e-12);

        // Two sigmas: each is given half of both shares.
        Assert.Equal(Math.Log(2 / 0.01) / 2000, BernoulliDivergence.Of(measured.Error.Value, measured.ErrorUpper), 1e-12);
        Assert.Equal((0.5 + Math.Log(2 * 20 / 0.05)) / Examples, BernoulliDivergence.Of(measured.ErrorUpper, measured.ErrorBound), 1e-12);
        double complexity = 0.5 + Math.Log(1 / 0.05);
        Assert.Equal(measured.ErrorUpper * Math.Log(200), measured.LossUpper, 1e-11);
        Assert.Equal((measured.LossUpper / 0.6) + (Math.Log(200) * complexity / (2 * 0.6 * 0.4 * Examples)), measured.LinearLossBound, 1e-12);
        Assert.InRange(measured.LossBound, measured.LossUpper, measured.LinearLossBound);
    }

    [Fact]
    public void The_best_sigma_is_the_answer_and_hopeless_ones_are_not_measured()
    {
        int calls = 0;
        BoundSample counted = Sample with
        {
            Evaluate = () =>
            {
                calls++;
                return Sample.Evaluate();
            },
        };
        BoundResult result = BoundEstimator.Estimate(_space, _start, counted, new BoundOptions { Sigmas = [0.001, 0.4], Draws = 2000 });
        // At 0.001 the divergence is 125 000 nats for 400 examples.
        Assert.Null(result.Points[1].Measured);
        Assert.Equal(2001, calls);
        Assert.Same(result.Points[0], result.Best);
        Assert.Equal(result.Best!.Measured!.ErrorBound, result.Value);
        Assert.Equal(0.5, result.GuessError);
        Assert.False(result.IsVacuous);

        result = BoundEstimator.Estimate(_space, _start, Sample with { Examples = 3 }, new BoundOptions { Sigmas = [0.4], Draws = 50 });
        Assert.True(result.IsVacuous);
        Assert.InRange(result.Value, 0.5, 1);
    }

    [Fact]
    public void Weights_come_back_and_a_stop_keeps_the_finished_sigmas()
    {
        using var stop = new CancellationTokenSource();
        BoundProgress? last = null;
        Assert.Throws<OperationCanceledException>(() => BoundEstimator.Estimate(
            _space, _start, Sample, new BoundOptions { Sigmas = [0.3, 0.4], Draws = 10 }, 0, new Report(progress =>
            {
                last = progress;
                if (progress.Index == 1 && progress.Error.Count == 5)
                    stop.Cancel();
            }), stop.Token));
        Assert.Equal([1.5, 7], _w.data<double>().ToArray());
        Assert.Equal((0.3, 5), (last!.Sigma, last.Error.Count));
        Assert.Equal([0.4], last.Result.Points.Select(p => p.Sigma));
        Assert.NotNull(last.Result.Best);
        LiveTensors.AssertSteady(() => BoundEstimator.Estimate(_space, _start, Sample, new BoundOptions { Sigmas = [0.3], Draws = 3 }));
    }

    [Fact]
    public void Wrong_input_is_named()
    {
        string Message(BoundOptions options) => Assert.ThrowsAny<ArgumentException>(() => BoundEstimator.Estimate(_space, _start, Sample, options)).Message;
        Assert.Contains("Sigmas must be distinct", Message(new BoundOptions { Sigmas = [0.1, 0.1] }));
        Assert.Contains("Draws must be an integer of at least 1", Message(new BoundOptions { Draws = 0 }));
        Assert.Contains("Delta must be between 0 and 1", Message(new BoundOptions { Delta = 1 }));
        Assert.Contains("Delta + DrawDelta must be below 1", Message(new BoundOptions { Delta = 0.5, DrawDelta = 0.5 }));
        Assert.Throws<ArithmeticException>(() => BoundEstimator.Estimate(_space, _start, Sample with { LargestLoss = 1 }));
        Assert.Contains("shape [3]", Assert.Throws<ArgumentException>(() => WeightDistance.StartOf(_space, [zeros(3)])).Message);
        Assert.Contains("0 parameters", Assert.Throws<ArgumentException>(() => WeightDistance.StartOf(_space, [])).Message);
    }

    [Fact]
    public void Moved_statistics_copies_and_random_losses_are_violations()
    {
        using var scope = NewDisposeScope();
        var start = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3));
        var network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3));
        Assert.True(Premise.Buffers(network, start).Holds);
        network.train();
        network.call(randn(8, 2));
        Premise moved = Premise.Buffers(network, start);
        Assert.False(moved.Holds);
        Assert.Contains("2 of 2 buffers", moved.Detail);
        Assert.True(Premise.Buffers(nn.Linear(2, 3), nn.Linear(2, 3)).Holds);

        Assert.True(Premise.NoDuplicates(0, 10).Holds);
        Assert.Contains("3 of the 10", Premise.NoDuplicates(3, 10) is { Holds: false } p ? p.Detail : "");
        Assert.True(Premise.Determinism(Sample.Evaluate).Holds);
        int calls = 0;
        Assert.False(Premise.Determinism(() => new ClassifierLosses(0, calls++)).Holds);
        Assert.Null(Premise.IndependentStart.Holds);
    }

    private sealed class Report(Action<BoundProgress> action) : IProgress<BoundProgress>
    {
        void IProgress<BoundProgress>.Report(BoundProgress value) => action(value);
    }
}
