namespace Polder.Experiments.Comparison;

/// <summary>One point of a grid of settings, judged on validation images over several seeds.</summary>
/// <param name="Method">What is tuned.</param>
/// <param name="Setting">The setting in words.</param>
/// <param name="Value">The value that is tried.</param>
/// <param name="Validation">The validation accuracy over the seeds that did not diverge; NaN, of no runs, where all did.</param>
/// <param name="Loss">The mean validation loss over the same seeds; NaN where all diverged.</param>
/// <param name="Diverged">The number of seeds whose training diverged.</param>
public sealed record TuningPoint(string Method, string Setting, double Value, Summary Validation, double Loss, int Diverged)
{
    /// <summary>
    /// The accuracy from which a number of shots is enough: a task that fewer images leave to chance, and more images solve, compares nothing.
    /// </summary>
    public const double EnoughAccuracy = 0.85;

    /// <summary>The name under which the shots of the digits demo are tried.</summary>
    public const string Shots = "shots";

    /// <summary>The points that are chosen, one of each method: the first shots that are enough, and the best of everything else.</summary>
    /// <param name="points">The points, those of shots in rising order.</param>
    public static IReadOnlyList<TuningPoint> Chosen(IReadOnlyList<TuningPoint> points) =>
        [.. points.GroupBy(p => p.Method).Select(same => same.Key == Shots ? FirstAbove([.. same], EnoughAccuracy) : Best([.. same]))];

    /// <summary>Judges what a study made of a setting.</summary>
    /// <param name="method">What is tuned.</param>
    /// <param name="setting">The setting in words.</param>
    /// <param name="value">The value that is tried.</param>
    /// <param name="runs">The runs that did not diverge.</param>
    /// <param name="diverged">The number of those that did.</param>
    public static TuningPoint Of(string method, string setting, double value, IReadOnlyList<MethodRun> runs, int diverged)
    {
        ArgumentNullException.ThrowIfNull(runs);
        return runs.Count == 0
            ? new TuningPoint(method, setting, value, new Summary(double.NaN, double.NaN, 0), double.NaN, diverged)
            : new TuningPoint(method, setting, value, Summary.Of([.. runs.Select(r => r.ValidationAccuracy)]), runs.Average(r => r.ValidationLoss), diverged);
    }

    /// <summary>
    /// The best point: of the points where fewest seeds diverged the one of the highest validation accuracy, of equal ones that of the lowest loss. The mean
    /// of the seeds that were left would favour a setting that breaks on the hard ones.
    /// </summary>
    /// <param name="points">At least one point.</param>
    /// <exception cref="ArgumentException">There is no point.</exception>
    public static TuningPoint Best(IReadOnlyList<TuningPoint> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        return points.MaxBy(p => (-p.Diverged, p.Validation.Mean, -p.Loss)) ?? throw new ArgumentException("there are no points", nameof(points));
    }

    /// <summary>The first point that reaches an accuracy with no seed diverged; where none does, the last without one, else the best.</summary>
    /// <param name="points">At least one point, in the order of preference.</param>
    /// <param name="accuracy">The validation accuracy, between 0 and 1.</param>
    /// <exception cref="ArgumentException">There is no point.</exception>
    public static TuningPoint FirstAbove(IReadOnlyList<TuningPoint> points, double accuracy)
    {
        ArgumentNullException.ThrowIfNull(points);
        TuningPoint[] whole = [.. points.Where(p => p.Diverged == 0)];
        return whole.Length == 0 ? Best(points) : whole.FirstOrDefault(p => p.Validation.Mean >= accuracy, whole[^1]);
    }
}
