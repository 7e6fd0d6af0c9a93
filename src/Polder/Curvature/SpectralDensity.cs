using Polder.Curvature.Estimators;

namespace Polder.Curvature;

/// <summary>How a spectral density is estimated.</summary>
public sealed record DensityOptions
{
    /// <summary>Random starts; the error band comes from their spread. At least 2, default 10.</summary>
    public int Probes { get; init; } = 10;

    /// <summary>Lanczos steps from each start, one product each: the number of nodes. At least 2, default 40.</summary>
    public int Steps { get; init; } = 40;

    /// <summary>Points at which the density is given; at least 2, default 400.</summary>
    public int Points { get; init; } = 400;

    /// <summary>
    /// Standard deviation of the normal density that stands for each node, as a share of the width of the spectrum; between 0 and 1, default 0.01.
    /// </summary>
    public double Bandwidth { get; init; } = 0.01;

    /// <summary>The seed of the starts. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Told the products so far, after each.</summary>
    public IProgress<long>? Progress { get; init; }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range; the message says which and what is allowed.</exception>
    public void Validate()
    {
        foreach ((string name, int value) in new[] { (nameof(Probes), Probes), (nameof(Steps), Steps), (nameof(Points), Points) })
            Require.AtLeast(value, 2, name);
        Require.Inside(Bandwidth);
    }
}

/// <summary>
/// How the eigenvalues of an operator are spread, by stochastic Lanczos quadrature (Lin, Saad and Yang, 2016): from each random start some
/// steps of Lanczos give nodes and weights of a Gauss rule for the spectrum as that start sees it; the mean over starts is the density.
/// </summary>
public sealed class SpectralDensity
{
    private readonly (double[] Nodes, double[] Weights)[] _rules;
    private readonly long _dimension;

    private SpectralDensity((double[] Nodes, double[] Weights)[] rules, long dimension, DensityOptions options, long products)
    {
        (_rules, _dimension, Products) = (rules, dimension, products);
        double low = rules.Min(r => r.Nodes.Min()), high = rules.Max(r => r.Nodes.Max());
        double width = Math.Max(high - low, 1e-12 * Math.Max(Math.Abs(low), Math.Abs(high)) + double.Epsilon), bandwidth = options.Bandwidth * width;
        double[] points = [.. Enumerable.Range(0, options.Points).Select(i => low - (4 * bandwidth) + ((width + (8 * bandwidth)) * i / (options.Points - 1)))];
        double Normal(double distance) => Math.Exp(-distance * distance / (2 * bandwidth * bandwidth)) / (bandwidth * Math.Sqrt(2 * Math.PI));
        Estimate[] density = [.. points.Select(x => Mean(node => Normal(x - node)))];
        (Points, Density, StandardError, Bandwidth) = (points, [.. density.Select(e => e.Value)], [.. density.Select(e => e.StandardError)], bandwidth);
    }

    /// <summary>Where the density is given, ascending; in the unit of the eigenvalues.</summary>
    public IReadOnlyList<double> Points { get; }

    /// <summary>The density at each point; it integrates to 1.</summary>
    public IReadOnlyList<double> Density { get; }

    /// <summary>The standard error at each point, from the spread over the starts.</summary>
    public IReadOnlyList<double> StandardError { get; }

    /// <summary>The standard deviation that each node is widened by; in the unit of the eigenvalues.</summary>
    public double Bandwidth { get; }

    /// <summary>The products with the matrix.</summary>
    public long Products { get; }

    /// <summary>Estimates the density.</summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="options">Starts, steps, points; null is the defaults.</param>
    /// <param name="cancellation">Stops; with two starts done, what they say is returned.</param>
    public static SpectralDensity Of(ILinearOperator @operator, DensityOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        options ??= new DensityOptions();
        options.Validate();
        var rules = new List<(double[], double[])>();
        long products = 0;
        try
        {
            for (int probe = 0; probe < options.Probes; probe++)
            {
                using var scope = NewDisposeScope();
                using var subspace = new Subspace(@operator, unchecked((options.Seed * 1_000_003) + probe), Math.Min(options.Steps, 256));
                for (int step = 0; step < options.Steps && subspace.AddKrylov(cancellation); step++)
                {
                    products++;
                    options.Progress?.Report(products);
                }
                (Tensor nodes, Tensor vectors) = linalg.eigh(subspace.Projected());
                rules.Add((nodes.data<double>().ToArray(), vectors[0].pow(Number(2)).data<double>().ToArray()));
            }
        }
        catch (OperationCanceledException) when (rules.Count >= 2 && cancellation.IsCancellationRequested)
        {
            // The starts that are done are a whole answer with a wider band.
        }
        return new SpectralDensity([.. rules], @operator.Dimension, options, products);
    }

    /// <summary>The trace of a function of the matrix: the sum of <paramref name="function"/> over all eigenvalues.</summary>
    public Estimate SumOver(Func<double, double> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        Estimate mean = Mean(function);
        return new Estimate(_dimension * mean.Value, _dimension * mean.StandardError, mean.Samples, Products);
    }

    /// <summary>
    /// The effective dimension (MacKay, 1992): the sum of lambda / (lambda + c) over the positive eigenvalues, the number of directions whose
    /// curvature is large against c.
    /// </summary>
    /// <param name="regularization">c, above 0, in the unit of the eigenvalues.</param>
    public Estimate EffectiveDimension(double regularization)
    {
        Require.Positive(regularization);
        return SumOver(value => value > 0 ? value / (value + regularization) : 0);
    }

    private Estimate Mean(Func<double, double> function)
    {
        double[] values = [.. _rules.Select(rule => rule.Nodes.Zip(rule.Weights, (node, weight) => weight * function(node)).Sum())];
        (double mean, double error, _) = MeanEstimate.Of(values);
        return new Estimate(mean, error, values.Length, Products);
    }
}
