namespace Polder.Noise;

/// <summary>A distribution of mean 0 and variance 1, made from the uniform bits of a counter-based generator.</summary>
public abstract class NoiseDistribution
{
    private protected NoiseDistribution()
    {
    }

    /// <summary>The standard normal distribution.</summary>
    public static NoiseDistribution Normal { get; } = new NormalDistribution();

    /// <summary>The name in tables and options, lower case.</summary>
    public abstract string Name { get; }

    /// <summary>Turns one block of <see cref="Philox.BlockLength"/> words into as many values.</summary>
    /// <param name="key">The generator's key.</param>
    /// <param name="counter">The counter of the block.</param>
    /// <param name="destination">Receives the block's values.</param>
    internal abstract void FillBlock(ulong key, PhiloxCounter counter, Span<float> destination);
}
