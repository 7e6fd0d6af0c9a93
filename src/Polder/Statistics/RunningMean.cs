namespace Polder.Statistics;

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

    public MeanEstimate Value => new(_mean, Count > 1 ? Math.Sqrt(_squares / (Count - 1) / Count) : double.NaN, Count);
}
