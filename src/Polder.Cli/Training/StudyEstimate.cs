using System.Diagnostics;
using static System.FormattableString;

namespace Polder.Cli.Training;

/// <summary>How long a step of a study takes, and in what memory, said once when its first runs are done.</summary>
/// <param name="step">The step.</param>
/// <param name="before">Its runs that were done before.</param>
/// <param name="jobs">The processes that do it here.</param>
/// <param name="later">Runs of later steps that are known to come.</param>
internal sealed class StudyEstimate(StudyStep step, int before, int jobs, int later)
{
    // The first reads images and weights, and says little of the others.
    private const int Enough = 6;

    private readonly long _start = Stopwatch.GetTimestamp();
    private int _said;

    /// <summary>The words, the first time that enough is done; null otherwise. Called from any thread.</summary>
    /// <param name="finished">The runs that are done.</param>
    public string? After(int finished)
    {
        int done = finished - before, left = step.Cells.Count - finished;
        if (done < Enough || left == 0 || Interlocked.Exchange(ref _said, 1) == 1)
            return null;
        double seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds / done, memory = Environment.WorkingSet / (double)(1 << 30);
        string after = later > 0 ? $", and about {Words(later * seconds)} for {later} runs of later steps" : "";
        return Invariant($"{step.Name}: a run every {seconds:F0} s with {jobs} job(s) of {memory:F1} GiB: about {Words(left * seconds)} for the ")
            + Invariant($"{left} that are left{after}");
    }

    private static string Words(double seconds) => seconds < 5400 ? Invariant($"{Math.Max(1, seconds / 60):F0} min") : Invariant($"{seconds / 3600:F1} h");
}
