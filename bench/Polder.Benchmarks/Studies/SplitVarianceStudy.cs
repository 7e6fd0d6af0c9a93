using Polder.Methods;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Probes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks.Studies;

/// <summary>An estimate and its standard error.</summary>
/// <param name="Value">The mean over the draws.</param>
/// <param name="StandardError">Its standard error, which covers the draws of the noise only.</param>
public readonly record struct Measured(double Value, double StandardError)
{
    /// <summary>The mean of independent values, at least two, with its standard error.</summary>
    internal static Measured MeanOf(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return new(mean, Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1) / values.Count));
    }
}

/// <summary>How noisy a gradient estimator is at fixed weights and a fixed batch.</summary>
/// <param name="Estimator">What tables call it.</param>
/// <param name="Passes">Passes over the batch a gradient.</param>
/// <param name="Variance">The sum of its elements' variances over the noise and the random cuts of the batch.</param>
/// <param name="Predicted">The same to first order in the noise, from |H|_F^2 and S^2.</param>
public sealed record EstimatorVariance(string Estimator, int Passes, Measured Variance, double Predicted);

/// <summary>What the study found.</summary>
/// <param name="Estimators">One-point, two independent parts, two antithetic parts, two-point.</param>
/// <param name="HessianSquare">|H|_F^2 of the batch's loss.</param>
/// <param name="RowSpread">S^2 = sum_r |h_r - H|_F^2 / (b - 1), h_r the Hessian of row r.</param>
public sealed record SplitVarianceResult(IReadOnlyList<EstimatorVariance> Estimators, Measured HessianSquare, Measured RowSpread)
{
    /// <summary>b* = S^2 / |H|_F^2, the batch size above which antithetic parts are less noisy than one point.</summary>
    public double BatchThreshold => RowSpread.Value / HessianSquare.Value;
}

/// <summary>
/// Measures the variance of gradient estimators with noise in the weights, all at the same weights and on the same batch: what cutting the
/// batch between the two points of a pair costs and saves. The weights stay as they are.
/// </summary>
/// <remarks>
/// The Hessians are seen by central differences of gradients at W +- sigma U, so that all numbers are of the same scale: E |H U|^2 = |H|_F^2,
/// and c times the variance of H_g U between random groups of c rows has the expectation S^2. The rows must be independent: a network with
/// BatchNorm is measured in evaluation mode.
/// </remarks>
public sealed record SplitVarianceStudy
{
    /// <summary>The noise's standard deviation, above 0.</summary>
    public double Sigma { get; init; } = 0.01;

    /// <summary>Draws of the noise an estimator, at least 2.</summary>
    public int Draws { get; init; } = 100;

    /// <summary>Groups of rows by which S^2 is estimated, at least 2; it divides the number of rows.</summary>
    public int Groups { get; init; } = 8;

    /// <summary>The seed of noise and cuts.</summary>
    public int Seed { get; init; }

    /// <summary>Measures; it costs 8 passes over the batch a draw.</summary>
    /// <param name="parameters">The parameters that get noise.</param>
    /// <param name="rows">The rows of the batch, at least 2.</param>
    /// <param name="loss">The mean loss over the rows of the given indices.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option or the number of rows is out of its range.</exception>
    public SplitVarianceResult Measure(IEnumerable<Parameter> parameters, int rows, Func<long[], Tensor> loss, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(loss);
        Validate(rows);
        Parameter[] weights = [.. parameters];
        using var scope = NewDisposeScope();
        var reader = new DeviationReader();
        void Run(IGradientMethod method, int seed, int steps)
        {
            var random = new Random(seed);
            long[] order = [.. Enumerable.Range(0, rows).Select(row => (long)row)];
            using SGD still = optim.SGD(weights, 0);
            using var optimizer = new FlatMinimaOptimizer(still, method, seed: seed) { MeasureCurvature = false };
            optimizer.Hooks.Add(reader);
            for (int step = 0; step < steps; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                random.Shuffle(order); // random parts: S^2 is a mean over all cuts of the batch
                optimizer.Step(rows, range => loss(order[range]));
            }
        }

        Run(new Plain(), Seed, 1);
        Measured Variance(IGradientMethod method, int number)
        {
            reader.Restart();
            Run(method, unchecked(Seed + (1_000_003 * number)), Draws);
            return reader.Variance();
        }

        Measured onePoint = Variance(new WeightPerturbation { Sigma = Sigma }, 1);
        Measured independent = Variance(new IndependentParts(Sigma), 2);
        Measured antithetic = Variance(new NoiseStability { Sigma = Sigma, Passes = Passes.Split }, 3);
        Measured twoPoint = Variance(new NoiseStability { Sigma = Sigma }, 4);
        var groups = new GroupCurvature(Sigma, Groups);
        Run(groups, unchecked(Seed + (1_000_003 * 5)), Draws);
        Measured square = Measured.MeanOf(groups.Squares), spread = Measured.MeanOf(groups.Spreads);
        double noise = Sigma * Sigma, part = spread.Value / rows;
        return new SplitVarianceResult(
        [
            new("one-point", 1, onePoint, noise * square.Value),
            new("two parts, independent draws", 1, independent, noise * (square.Value + part) / 2),
            new("two parts, antithetic", 1, antithetic, noise * part),
            new("two-point", 2, twoPoint, 0),
        ], square, spread);
    }

    private void Validate(int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 2);
        if (!(Sigma > 0 && double.IsFinite(Sigma)))
            throw OutOfRange(nameof(Sigma), Sigma, "Sigma must be a finite number above 0");
        if (Draws < 2)
            throw OutOfRange(nameof(Draws), Draws, "Draws must be an integer of at least 2");
        if (Groups < 2 || rows % Groups != 0)
            throw OutOfRange(nameof(Groups), Groups, $"Groups must be at least 2 and divide the {rows} rows");
    }

    private static ArgumentOutOfRangeException OutOfRange(string option, object found, string allowed) => new(option, found, allowed);

    // Deviations from the first gradient seen, the clean one: their variance is the estimator's, without the cancellation of large squares.
    private sealed class DeviationReader : IUpdateHook
    {
        private readonly List<double> _squares = [];
        private ParameterVector? _clean, _sum;

        public void BeforeUpdate(UpdateContext context)
        {
            ParameterVector gradient = context.Gradient;
            if (_clean is null)
            {
                (_clean, _sum) = (Copy(gradient), Copy(gradient));
                return;
            }
            for (int i = 0; i < gradient.Blocks.Count; i++)
            {
                using Tensor deviation = gradient.Blocks[i].sub(_clean.Blocks[i]);
                gradient.Blocks[i].copy_(deviation); // the base optimizer's rate is 0: nothing else reads it
                _sum!.Blocks[i].add_(deviation);
            }
            _squares.Add(Math.Pow(gradient.Norm(), 2));
        }

        public void Restart()
        {
            _squares.Clear();
            _sum!.Zero();
        }

        public Measured Variance()
        {
            int count = _squares.Count;
            double value = (_squares.Sum() - (Math.Pow(_sum!.Norm(), 2) / count)) / (count - 1);
            return new(value, Measured.MeanOf(_squares).StandardError);
        }

        private static ParameterVector Copy(ParameterVector vector)
        {
            ParameterVector copy = vector.Space.CreateVector();
            copy.CopyFrom(vector);
            return copy;
        }
    }

    // The baseline of the antithetic parts: each half of the batch at a point of its own.
    private sealed record IndependentParts(double Sigma) : IGradientMethod
    {
        public string Name => "independent-parts";

        public int GradientEvaluations => 1;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context)
        {
            int rows = context.Rows!.Value, half = rows / 2;
            context.Run(
                Probe.Noise(0, Sigma, (double)half / rows) with { Rows = ..half },
                Probe.Noise(1, Sigma, (double)(rows - half) / rows) with { Rows = half..rows });
        }
    }

    // H_g U of each group, along the same U: its mean over the groups is H U.
    private sealed class GroupCurvature(double sigma, int groups) : IGradientMethod
    {
        public List<double> Squares { get; } = [];

        public List<double> Spreads { get; } = [];

        public string Name => "group-curvature";

        public int GradientEvaluations => 2;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context)
        {
            int rows = context.Rows!.Value, size = rows / groups;
            using ParameterVector product = context.Space.CreateVector(), mean = context.Space.CreateVector();
            mean.Zero();
            double sum = 0;
            for (int group = 0; group < groups; group++)
            {
                Range part = (group * size)..((group + 1) * size);
                context.RunInto(
                    product,
                    Probe.Noise(0, sigma, 1 / (2 * sigma)) with { Rows = part },
                    Probe.Noise(0, -sigma, -1 / (2 * sigma)) with { Rows = part });
                sum += Math.Pow(product.Norm(), 2);
                mean.Add(product, 1.0 / groups);
            }
            double square = Math.Pow(mean.Norm(), 2), between = (sum - (groups * square)) / (groups - 1);
            Spreads.Add(size * between);
            // Unbiased as it is: every row is in one group, so the mean over the groups is the whole batch's product.
            Squares.Add(square);
            context.Gradient.CopyFrom(mean);
        }
    }
}
