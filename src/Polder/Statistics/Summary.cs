namespace Polder.Statistics;

/// <summary>Mean and spread of a figure over runs.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="StandardDeviation">The sample standard deviation (n - 1); NaN for one run.</param>
/// <param name="Count">The number of runs.</param>
public sealed record Summary(double Mean, double StandardDeviation, int Count)
{
    /// <summary>Summarizes some values.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static Summary Of(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0)
            throw new ArgumentException("there are no values", nameof(values));
        double mean = values.Average();
        double squares = values.Sum(v => (v - mean) * (v - mean));
        return new Summary(mean, values.Count > 1 ? Math.Sqrt(squares / (values.Count - 1)) : double.NaN, values.Count);
    }
}
