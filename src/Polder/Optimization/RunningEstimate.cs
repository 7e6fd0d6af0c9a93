namespace Polder.Optimization;

/// <summary>The mean of a number over steps.</summary>
/// <param name="Value">The mean; NaN where there is no step.</param>
/// <param name="StandardError">Its standard error by the spread of the means of batches of steps; NaN below two batches.</param>
/// <param name="Count">The number of steps.</param>
public readonly record struct RunningEstimate(double Value, double StandardError, long Count)
{
    /// <summary>The mean and its standard error.</summary>
    public override string ToString() => FormattableString.Invariant($"{Value:G5} +- {StandardError:G2} ({Count} steps)");
}
