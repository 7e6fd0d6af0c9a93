using Polder.Curvature;
using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Probes;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks.Studies;

/// <summary>The trace that NSO's pairs show for free, at one sigma.</summary>
/// <param name="Sigma">The standard deviation of the noise.</param>
/// <param name="Trace">From the gradients, T_g.</param>
/// <param name="Excess">T_g - U^T H U, draw by draw: what is not curvature at W, with most of the draws' own noise gone.</param>
/// <param name="LossTrace">From the losses, T_l.</param>
/// <param name="LossExcess">T_l - U^T H U, draw by draw.</param>
public sealed record FreeTracePoint(double Sigma, Measured Trace, Measured Excess, Measured LossTrace, Measured LossExcess);

/// <summary>The free trace over a grid of sigma.</summary>
/// <param name="Quadratic">The mean of U^T H U over the same draws, by exact products at W.</param>
/// <param name="Points">A point a sigma.</param>
public sealed record FreeTraceResult(Measured Quadratic, IReadOnlyList<FreeTracePoint> Points);

/// <summary>
/// Compares the trace that <see cref="CurvatureMeter"/> reads off NSO's steps with exact Hessian-vector products, at fixed weights on one
/// fixed batch. All sigmas see the same draws U.
/// </summary>
public sealed record FreeTraceStudy
{
    /// <summary>The grid; each above 0.</summary>
    public required IReadOnlyList<double> Sigmas { get; init; }

    /// <summary>Draws; at least 2.</summary>
    public required int Draws { get; init; }

    /// <summary>The seed of the draws.</summary>
    public long Seed { get; init; }

    /// <summary>Measures.</summary>
    /// <param name="parameters">The parameters W; they are where they were afterwards.</param>
    /// <param name="loss">The loss of the batch, the same function at each call: evaluation mode where there is BatchNorm.</param>
    /// <param name="progress">Told the passes done, of 3 for each draw and sigma and one more for each draw.</param>
    /// <exception cref="ArgumentOutOfRangeException">A sigma is not above 0, or there are fewer than 2 draws.</exception>
    public FreeTraceResult Measure(IReadOnlyList<Parameter> parameters, Func<Tensor> loss, IProgress<int>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(loss);
        Validate();
        double[] quadratic = QuadraticForms(parameters, loss, progress);
        return new FreeTraceResult(Measured.MeanOf(quadratic),
            [.. Sigmas.Select((sigma, i) => At(sigma, Draws + (3 * Draws * i), parameters, loss, quadratic, progress))]);
    }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range; the message says which and what is allowed.</exception>
    public void Validate()
    {
        if (Draws < 2)
            throw OutOfRange(nameof(Draws), Draws, "Draws must be an integer of at least 2");
        foreach (double sigma in Sigmas)
            if (!(sigma > 0 && double.IsFinite(sigma)))
                throw OutOfRange(nameof(Sigmas), sigma, "a sigma must be a finite number above 0");
    }

    private static ArgumentOutOfRangeException OutOfRange(string option, object found, string allowed) => new(option, found, allowed);

    private double[] QuadraticForms(IReadOnlyList<Parameter> parameters, Func<Tensor> loss, IProgress<int>? progress)
    {
        var hessian = Hessian.Of(parameters, loss);
        var noise = new PhiloxNoise(Seed);
        double[] forms = new double[Draws];
        for (int draw = 0; draw < Draws; draw++)
        {
            using var scope = NewDisposeScope();
            float[] values = new float[hessian.Dimension];
            noise.Fill(draw, 0, 0, values);
            Tensor direction = tensor(values).to(hessian.DataType);
            forms[draw] = direction.to(ScalarType.Float64).dot(hessian.MultiplyVector(direction).to(ScalarType.Float64)).ToDouble();
            progress?.Report(draw + 1);
        }
        return forms;
    }

    private FreeTracePoint At(double sigma, int done, IReadOnlyList<Parameter> parameters, Func<Tensor> loss, double[] quadratic, IProgress<int>? progress)
    {
        // A step that does not move: the clean weight only asks for f(W), which T_l needs.
        using SGD still = optim.SGD(parameters, 0);
        using var optimizer = new FlatMinimaOptimizer(
            still, new NoiseStability { Sigma = sigma, CleanWeight = 0.5 }, noise: new PhiloxNoise(Seed))
        { MeasureCurvature = true };
        double[] traces = new double[Draws], losses = new double[Draws];
        for (int draw = 0; draw < Draws; draw++)
        {
            CurvatureSample sample = optimizer.Step(loss).Curvature!;
            (traces[draw], losses[draw]) = (sample.Trace, sample.LossTrace!.Value);
            progress?.Report(done + (3 * (draw + 1)));
        }
        return new FreeTracePoint(
            sigma, Measured.MeanOf(traces), Measured.MeanOf(Minus(traces)), Measured.MeanOf(losses), Measured.MeanOf(Minus(losses)));

        double[] Minus(double[] values) => [.. values.Zip(quadratic, (a, b) => a - b)];
    }
}
