namespace Polder.Noise;

/// <summary>A distribution given by its quantile function, one word a value.</summary>
internal sealed class QuantileDistribution : NoiseDistribution
{
    private readonly Func<double, double> _quantile;

    public QuantileDistribution(string name, Func<double, double> quantile)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(quantile);
        Name = name;
        _quantile = quantile;
    }

    public override string Name { get; }

    internal override void FillBlock(ulong key, PhiloxCounter counter, Span<float> destination)
    {
        for (int lane = 0; lane < Philox.Lanes; lane++)
        {
            var (x0, x1, x2, x3) = Philox.GenerateLane(key, counter, lane);
            destination[lane] = Value(x0);
            destination[lane + 16] = Value(x1);
            destination[lane + 32] = Value(x2);
            destination[lane + 48] = Value(x3);
        }
    }

    private float Value(uint x) => (float)_quantile((x + 0.5) / 4294967296.0);
}
