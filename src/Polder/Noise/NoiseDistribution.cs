namespace Polder.Noise;

/// <summary>A distribution of mean 0 and variance 1, made from the uniform bits of a counter-based generator.</summary>
public abstract class NoiseDistribution
{
    private protected NoiseDistribution()
    {
    }

    /// <summary>The standard normal distribution.</summary>
    public static NoiseDistribution Normal { get; } = new NormalDistribution();

    /// <summary>Laplace's distribution of scale sqrt(1/2): heavier tails than the normal, fourth moment 6.</summary>
    public static NoiseDistribution Laplace { get; } = new LaplaceDistribution();

    /// <summary>The uniform distribution on (-sqrt 3, sqrt 3), fourth moment 9/5.</summary>
    public static NoiseDistribution Uniform { get; } = new UniformDistribution();

    /// <summary>+1 or -1 with equal probability, fourth moment 1.</summary>
    public static NoiseDistribution Rademacher { get; } = new RademacherDistribution();

    /// <summary>The built-in distributions.</summary>
    public static IReadOnlyList<NoiseDistribution> All { get; } = [Normal, Laplace, Uniform, Rademacher];

    /// <summary>A built-in distribution by its <see cref="Name"/>.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists them.</exception>
    public static NoiseDistribution Named(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(d => d.Name == name)
            ?? throw new ArgumentException($"no distribution '{name}': {string.Join(", ", All.Select(d => d.Name))}", nameof(name));
    }

    /// <summary>A distribution of one's own, from its quantile function (the inverse of its cumulative distribution).</summary>
    /// <param name="name">The name in tables.</param>
    /// <param name="quantile">
    /// Takes u in (0, 1) to the value that a draw stays below with probability u. It must be pure, safe to call from several threads,
    /// and scaled to mean 0 and variance 1, since methods multiply by sigma; methods of antithetic pairs assume a symmetric distribution.
    /// </param>
    /// <remarks>One call for each weight and draw: some ten times slower than the built-in distributions.</remarks>
    public static NoiseDistribution FromQuantile(string name, Func<double, double> quantile) => new QuantileDistribution(name, quantile);

    /// <summary>The name in tables and options, lower case.</summary>
    public abstract string Name { get; }

    /// <summary>Turns one block of <see cref="Philox.BlockLength"/> words into as many values.</summary>
    /// <param name="key">The generator's key.</param>
    /// <param name="counter">The counter of the block.</param>
    /// <param name="destination">Receives the block's values.</param>
    internal abstract void FillBlock(ulong key, PhiloxCounter counter, Span<float> destination);
}
