using System.Text.Json.Serialization;

namespace Polder.Experiments.Comparison;

/// <summary>One method on one seed.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="TestAccuracy">The accuracy of the best epoch's weights on the test images, between 0 and 1.</param>
/// <param name="TestLoss">Their mean cross entropy on the test images.</param>
/// <param name="ValidationAccuracy">The accuracy that chose the epoch.</param>
/// <param name="ValidationLoss">The mean cross entropy on the validation images at that epoch.</param>
/// <param name="TrainLoss">The training loss of the last epoch.</param>
/// <param name="BestEpoch">The epoch that was tested, from 1.</param>
/// <param name="Steps">Steps of the base optimizer.</param>
/// <param name="GradientEvaluations">Gradients, each over one batch.</param>
/// <param name="SecondsPerStep">The mean time of a step.</param>
/// <param name="Seconds">The time of the whole run.</param>
public sealed record MethodRun(
    long Seed, double TestAccuracy, double TestLoss, double ValidationAccuracy, double ValidationLoss, double TrainLoss, int BestEpoch, long Steps,
    long GradientEvaluations, double SecondsPerStep, double Seconds)
{
    /// <summary>Steps that were left out since a loss or gradient was not finite.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>The training images that the steps saw, as often as they did; 0 where an earlier version kept the run.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Images { get; init; }

    /// <summary>Whether an average was asked for and the best epoch lies before it, so that plain weights were tested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsBeforeAverage { get; init; }

    /// <summary>Every further measure of the test images by its name (<see cref="ClassificationMetrics.Figures"/>).</summary>
    public IReadOnlyDictionary<string, double> Test { get; init; } = new Dictionary<string, double>();

    /// <summary>How the training went; null in what an earlier version kept.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RunCurve? Curve { get; init; }

    /// <summary>The curvature of the training loss at the tested weights; null where it was not asked for, not finished, or not finite.</summary>
    public WeightCurvature? Curvature { get; init; }

    /// <summary>
    /// The same on the way, at a training loss that all methods pass (<see cref="WeightCurvatureOptions.AtLoss"/>); null where it was not passed.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public MatchedCurvature? AtLoss { get; init; }

    /// <summary>How the weights of the best epoch do, where those of the last are tested; null elsewhere.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public BestEpochTest? AtBestEpoch { get; init; }

    /// <summary>|W - W0| over the trained weights of the body; null where the head alone was trained, or an earlier version kept the run.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Distance { get; init; }

    /// <summary>What the training images say of new ones; null where it was not asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RunBound? Bound { get; init; }
}

/// <summary>
/// The curvature where the training loss first falls to a given one: at weights that have it to 1 %, on the line between two of a quarter of an epoch.
/// </summary>
/// <param name="Loss">The mean cross entropy of the training images, as they are, in nats, that was waited for.</param>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Curvature">The curvature there; its own loss is that of the images it was measured on.</param>
public sealed record MatchedCurvature(double Loss, int Epoch, WeightCurvature Curvature);

/// <summary>What validation would have chosen.</summary>
/// <param name="Epoch">The validated epoch of the highest validation accuracy, and of the lowest validation loss among equal ones.</param>
/// <param name="TestAccuracy">The accuracy of its weights on the test images, between 0 and 1.</param>
public sealed record BestEpochTest(int Epoch, double TestAccuracy)
{
    /// <summary>The curvature there; null where it was not asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public WeightCurvature? Curvature { get; init; }
}

/// <summary>One method over all seeds.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Options">Its options.</param>
/// <param name="Runs">Its runs, one a seed.</param>
public sealed record MethodRuns(string Method, IReadOnlyDictionary<string, object> Options, IReadOnlyList<MethodRun> Runs)
{
    /// <summary>What reports call it, <see cref="MethodChoice.Label"/>.</summary>
    public string Label { get; init; } = Method;

    /// <summary>The measured time of a step, where the budget was one of seconds; null otherwise, and of the base optimizer.</summary>
    public StepTime? StepTime { get; init; }

    /// <summary>Mean and spread of the test accuracy.</summary>
    public Summary TestAccuracy => Summary.Of([.. Runs.Select(r => r.TestAccuracy)]);

    /// <summary>Mean and spread of the validation accuracy.</summary>
    public Summary ValidationAccuracy => Summary.Of([.. Runs.Select(r => r.ValidationAccuracy)]);

    /// <summary>Mean and spread of a figure over the runs that have it; null where none has.</summary>
    /// <param name="figure">The figure of a run; null where the run has none.</param>
    public Summary? SummaryOf(Func<MethodRun, double?> figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        double[] values = [.. Runs.Select(figure).OfType<double>()];
        return values.Length == 0 ? null : Summary.Of(values);
    }

    /// <summary>The paired difference of a figure to another method's on the seeds where both have it; null where there is none.</summary>
    /// <param name="other">The other method.</param>
    /// <param name="figure">The figure of a run, null where the run has none; without it the test accuracy.</param>
    public PairedDifference? DifferenceTo(MethodRuns other, Func<MethodRun, double?>? figure = null)
    {
        ArgumentNullException.ThrowIfNull(other);
        figure ??= run => run.TestAccuracy;
        var pairs = Runs.Join(other.Runs, r => r.Seed, r => r.Seed, (a, b) => (Value: figure(a), Reference: figure(b)))
            .Where(p => p is { Value: not null, Reference: not null }).ToArray();
        return pairs.Length == 0 ? null : PairedDifference.Of([.. pairs.Select(p => p.Value!.Value)], [.. pairs.Select(p => p.Reference!.Value)]);
    }
}

/// <summary>A training that diverged.</summary>
/// <param name="Method">The method's <see cref="MethodChoice.Label"/>.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Message">Where and how.</param>
public sealed record DivergedRun(string Method, long Seed, string Message);

/// <summary>A run whose curvature is not finite.</summary>
/// <param name="Method">The method's <see cref="MethodChoice.Label"/>.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Message">What was found.</param>
public sealed record UnmeasuredRun(string Method, long Seed, string Message);

/// <summary>What came of a comparison.</summary>
/// <param name="Task">What tables call the task.</param>
/// <param name="Methods">The methods that have a finished run, in the order of the comparison.</param>
/// <param name="Planned">The runs that were planned.</param>
/// <param name="Diverged">The trainings that diverged; the comparison is without them.</param>
/// <param name="Unmeasured">The runs whose curvature is not finite; their accuracy counts.</param>
public sealed record ComparisonResult(
    string Task, IReadOnlyList<MethodRuns> Methods, int Planned, IReadOnlyList<DivergedRun> Diverged, IReadOnlyList<UnmeasuredRun> Unmeasured)
{
    /// <summary>The runs that are finished.</summary>
    public int Finished => Methods.Sum(m => m.Runs.Count);

    /// <summary>The base optimizer alone, with which the others are compared; null where it has no finished run.</summary>
    public MethodRuns? Reference => Methods.FirstOrDefault(m => m.Method == "base");

    /// <summary>The paired differences to <see cref="Reference"/>, with Holm's correction over the other methods.</summary>
    /// <param name="figure">The figure of a run, null where the run has none; without it the test accuracy.</param>
    /// <returns>One a method, in their order; null without a reference or where a method shares no seed with it.</returns>
    public IReadOnlyList<PairedDifference?> Differences(Func<MethodRun, double?>? figure = null) => MethodDifferences.Of(Methods, Reference, figure);
}
