using System.Globalization;

namespace Polder.Experiments.Comparison;

/// <summary>How a training went, epoch by epoch: lists of one length.</summary>
/// <param name="Epoch">The epochs; 0 is a head that was fitted before the first.</param>
/// <param name="TrainLoss">The mean training loss of each.</param>
/// <param name="ValidationLoss">The validation loss after each; NaN where it was not validated.</param>
/// <param name="ValidationAccuracy">The validation accuracy after each, between 0 and 1; NaN where it was not validated.</param>
public sealed record RunCurve(
    IReadOnlyList<int> Epoch, IReadOnlyList<double> TrainLoss, IReadOnlyList<double> ValidationLoss, IReadOnlyList<double> ValidationAccuracy)
{
    /// <summary>The curve of a training, to six digits.</summary>
    /// <param name="epochs">Its epochs.</param>
    internal static RunCurve Of(IReadOnlyList<EpochReport> epochs) => new(
        [.. epochs.Select(e => e.Epoch)], [.. epochs.Select(e => Rounded(e.TrainLoss))], [.. epochs.Select(e => Rounded(e.ValidationLoss))],
        [.. epochs.Select(e => Rounded(e.ValidationAccuracy))]);

    /// <summary>Equal where all numbers are.</summary>
    public bool Equals(RunCurve? other) => other is not null && Epoch.SequenceEqual(other.Epoch) && TrainLoss.SequenceEqual(other.TrainLoss)
        && ValidationLoss.SequenceEqual(other.ValidationLoss) && ValidationAccuracy.SequenceEqual(other.ValidationAccuracy);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Epoch.Count, TrainLoss.Count > 0 ? TrainLoss[^1] : 0);

    // A file of many runs is mostly these.
    private static double Rounded(double value) => double.IsFinite(value)
        ? double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : value;
}
