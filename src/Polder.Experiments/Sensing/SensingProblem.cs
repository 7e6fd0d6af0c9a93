using System.Numerics;

namespace Polder.Experiments.Sensing;

/// <summary>
/// Over-parameterised matrix sensing: find the d x d matrix X = U* U*^T of rank r from n measurements y_i = &lt;A_i, X&gt; by symmetric A_i, as U U^T with a
/// full d x d variable U. f(U) = c (1/n) sum r_i^2 with r_i = &lt;A_i, U U^T&gt; - y_i and gradient 4 c (1/n) sum r_i A_i U; c = 1/4 unless said.
/// (arXiv 2306.08553, the matrix sensing experiment.)
/// </summary>
/// <remarks>One thread at a time may use a problem; its own work is spread over threads, with the same result on any number of them.</remarks>
public abstract class SensingProblem : IObjective
{
    private protected SensingProblem(int dimension, int measurements, double lossScale)
    {
        Dimension = dimension;
        MeasurementCount = measurements;
        LossScale = lossScale;
    }

    /// <summary>d.</summary>
    public int Dimension { get; }

    /// <summary>n.</summary>
    public int MeasurementCount { get; }

    /// <summary>c in f = c (1/n) sum r_i^2.</summary>
    public double LossScale { get; }

    /// <summary>The type of U: Float32 or Float64.</summary>
    public abstract ScalarType DataType { get; }

    /// <summary>
    /// A random problem. Elements of U* and of the start are N(0, 1) (the start times <paramref name="initialScale"/>), the A_i are (G + G^T)/2 of
    /// Gaussian G, and a second independent set of n measurements validates. All numbers come from one <see cref="PhiloxNoise"/> keyed by the seed and
    /// separate from the noise that the same seed gives an optimizer: draw 0 U*, 1 the training matrices, 2 the validation matrices, 3 the start (step i is
    /// matrix i).
    /// </summary>
    /// <param name="dimension">d, at least 1.</param>
    /// <param name="rank">r, 1 to d.</param>
    /// <param name="measurements">n, at least 1.</param>
    /// <param name="seed">The seed of everything.</param>
    /// <param name="initialScale">The standard deviation of the start's elements.</param>
    /// <param name="dataType">Float32 or Float64.</param>
    /// <param name="threads">The greatest number of threads; 0 for all processors.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is outside its range.</exception>
    public static SensingProblem Generate(int dimension, int rank, int measurements, long seed, double initialScale = 1,
        ScalarType dataType = ScalarType.Float32, int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, dimension);
        ArgumentOutOfRangeException.ThrowIfLessThan(measurements, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(initialScale);
        int count = Threads(threads);
        var stream = new PhiloxNoise(seed ^ 0x53656e73696e67); // another key than the optimizer's noise: "Sensing" in ASCII
        double[] truth = Fill(stream, 0, dimension * rank, 1);
        double[] start = Fill(stream, 3, dimension * dimension, initialScale);
        double[] x = Gram(truth, dimension, rank);
        double[] packed = PackTruth(x, dimension);
        return dataType switch
        {
            ScalarType.Float32 => Make<float>(),
            ScalarType.Float64 => Make<double>(),
            _ => throw Unsupported(dataType),
        };

        SensingProblem Make<T>()
            where T : unmanaged, IFloatingPointIeee754<T> =>
            new SensingProblem<T>(
                Measurements<T>.Generate(dimension, measurements, stream, 1, packed, count),
                Measurements<T>.Generate(dimension, measurements, stream, 2, packed, count),
                x, start, 0.25, count);
    }

    /// <summary>
    /// A problem from given numbers, without a validation set. Of each A_i the symmetric part is kept, since U U^T is symmetric and sees no more.
    /// </summary>
    /// <param name="matrices">The A_i, n d d numbers, row-major.</param>
    /// <param name="targets">y, n numbers.</param>
    /// <param name="truth">X, d d numbers.</param>
    /// <param name="start">U at the start, d d numbers.</param>
    /// <param name="lossScale">c in f = c (1/n) sum r_i^2.</param>
    /// <param name="dataType">Float32 or Float64.</param>
    /// <param name="threads">The greatest number of threads; 0 for all processors.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public static SensingProblem FromArrays(ReadOnlySpan<double> matrices, ReadOnlySpan<double> targets, ReadOnlySpan<double> truth, ReadOnlySpan<double> start,
        double lossScale = 0.25, ScalarType dataType = ScalarType.Float64, int threads = 0)
    {
        int d = (int)Math.Round(Math.Sqrt(truth.Length));
        if (d < 1 || d * d != truth.Length || start.Length != d * d)
            throw new ArgumentException($"truth and start have {truth.Length} and {start.Length} elements: both must have d x d", nameof(truth));
        if (targets.Length < 1 || (long)targets.Length * d * d != matrices.Length)
            throw new ArgumentException($"{matrices.Length} elements of {targets.Length} matrices: needed are n x {d} x {d}", nameof(matrices));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lossScale);
        return dataType switch
        {
            ScalarType.Float32 => new SensingProblem<float>(Measurements<float>.FromDense(matrices, targets, d), null, truth.ToArray(), start.ToArray(),
                lossScale, Threads(threads)),
            ScalarType.Float64 => new SensingProblem<double>(Measurements<double>.FromDense(matrices, targets, d), null, truth.ToArray(), start.ToArray(),
                lossScale, Threads(threads)),
            _ => throw Unsupported(dataType),
        };
    }

    /// <summary>A new trainable parameter of shape [d, d] at the start; the caller owns it.</summary>
    public abstract Parameter CreateStart();

    /// <summary>Mean squared residuals divided by the set's own mean of y^2, and ||X - U U^T||_F^2 / ||X||_F^2.</summary>
    /// <param name="weights">U, [d, d].</param>
    public abstract SensingMetrics Measure(Tensor weights);

    /// <summary>The Hessian of f at U times V: 4 c (1/n) ( (sum dr_i A_i) U + (sum r_i A_i) V ), dr_i = &lt;A_i, U V^T + V U^T&gt;.</summary>
    /// <param name="weights">U, [d, d].</param>
    /// <param name="direction">V, [d, d].</param>
    /// <returns>H V, [d, d]; the caller owns it.</returns>
    public abstract Tensor HessianVectorProduct(Tensor weights, Tensor direction);

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight)
    {
        Span<double> loss = stackalloc double[1];
        Run(new ProbeStep(this, space, NoNoise, 0), [Probe.Centre(weight)], gradient, loss, keep: true);
        return loss[0];
    }

    /// <summary>Evaluates all probes of a step together; with <paramref name="keep"/> their sum is added to what the vector holds.</summary>
    internal abstract void Run(ProbeStep step, ReadOnlySpan<Probe> probes, ParameterVector gradient, Span<double> losses, bool keep);

    private static readonly NoiseStream NoNoise = new FixedNoise(new double[1, 1, 1]);

    private static int Threads(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        return threads == 0 ? Environment.ProcessorCount : threads;
    }

    private static ArgumentException Unsupported(ScalarType type) => new($"the data type is {type}: allowed are Float32 and Float64", nameof(type));

    private static double[] Fill(NoiseStream stream, int draw, int length, double scale)
    {
        double[] values = new double[length];
        stream.Fill(0, draw, 0, values);
        for (int i = 0; i < length; i++)
            values[i] *= scale;
        return values;
    }

    private static double[] Gram(double[] factor, int d, int rank)
    {
        double[] x = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
                for (int k = 0; k < rank; k++)
                    x[(i * d) + j] += factor[(i * rank) + k] * factor[(j * rank) + k];
        return x;
    }

    private static double[] PackTruth(double[] x, int d)
    {
        double[] packed = new double[Measurements<double>.PackedLength(d)];
        for (int i = 0, at = 0; i < d; i++)
            for (int j = 0; j <= i; j++, at++)
                packed[at] = i == j ? x[(i * d) + j] : 2 * x[(i * d) + j];
        return packed;
    }
}

/// <summary>How good a U is; all three are relative: 1 is the error of U = 0.</summary>
/// <param name="Train">Mean squared residual over the training measurements, divided by their mean y^2.</param>
/// <param name="Validation">The same over the validation measurements; NaN where there are none.</param>
/// <param name="Distance">||X - U U^T||_F^2 / ||X||_F^2.</param>
public readonly record struct SensingMetrics(double Train, double Validation, double Distance);
