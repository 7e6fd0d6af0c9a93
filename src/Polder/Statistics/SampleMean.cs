namespace Polder.Statistics;

/// <summary>The mean of a quantity over independent draws, and how sure it is.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="StandardError">Its standard error: the sample standard deviation over the root of the count; NaN for one draw.</param>
/// <param name="Count">The number of draws.</param>
public readonly record struct SampleMean(double Mean, double StandardError, int Count);

/// <summary>Mean and spread of values that come one after another, without keeping them (Welford's recurrence).</summary>
internal sealed class RunningMean
{
    private double _mean;
    private double _squares;

    public int Count { get; private set; }

    public void Add(double value)
    {
        Count++;
        // An infinite loss is a fact about the noise, not a reason to stop: the mean becomes infinite and its error unknown.
        double step = value - _mean;
        _mean = double.IsFinite(value) && double.IsFinite(_mean) ? _mean + (step / Count) : _mean + value;
        _squares += step * (value - _mean);
    }

    public SampleMean Value => new(_mean, Count > 1 ? Math.Sqrt(_squares / (Count - 1) / Count) : double.NaN, Count);
}
