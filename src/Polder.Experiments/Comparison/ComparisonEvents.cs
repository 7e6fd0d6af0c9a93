using System.Globalization;

namespace Polder.Experiments.Comparison;

/// <summary>A comparison for TensorBoard: a folder a run, each with its hyperparameters, its curves and what was measured at the end.</summary>
public static class ComparisonEvents
{
    /// <summary>The name of the folder in a run folder.</summary>
    public const string FolderName = "tensorboard";

    /// <summary>Writes the runs; those that are there are written anew. <c>tensorboard --logdir FOLDER</c> shows them.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="folder">The folder, which is made where it is not there.</param>
    /// <param name="shared">Hyperparameters that all runs have, such as the learning rate.</param>
    /// <param name="start">When the comparison began.</param>
    public static void Write(ComparisonResult comparison, string folder, IReadOnlyDictionary<string, object> shared, DateTimeOffset start)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(shared);
        foreach (MethodRuns method in comparison.Methods)
        {
            foreach (MethodRun run in method.Runs)
                Write(folder, method.Label, run.Seed, start, new TensorBoardSession
                {
                    Hyperparameters = Hyperparameters(shared, method.Label, run.Seed, method.Options),
                    Group = method.Label,
                    Metrics = MetricsOf(run),
                    Curves = CurvesOf(run),
                    Seconds = run.Seconds,
                });
        }
        foreach (DivergedRun run in comparison.Diverged)
            Write(folder, run.Method, run.Seed, start, new TensorBoardSession
            {
                Hyperparameters = Hyperparameters(shared, run.Method, run.Seed, comparison.Methods.FirstOrDefault(m => m.Label == run.Method)?.Options),
                Group = run.Method,
                HasFailed = true,
            });
    }

    private static void Write(string folder, string label, long seed, DateTimeOffset start, TensorBoardSession session)
    {
        string run = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{NameOf(label)}-seed-{seed}"));
        Directory.CreateDirectory(run);
        // Processes that share a comparison may all end at the same time.
        AtomicFile.WriteShared(Path.Combine(run, TensorBoardEvents.FileName), stream => stream.Write(session.ToEvents(start)));
    }

    private static Dictionary<string, object> Hyperparameters(
        IReadOnlyDictionary<string, object> shared, string label, long seed, IReadOnlyDictionary<string, object>? options)
    {
        var all = new Dictionary<string, object>(shared) { ["method"] = label, ["seed"] = seed };
        foreach ((string name, object value) in options ?? new Dictionary<string, object>())
            all[name] = value is double or long or int or bool ? value : MethodOption.Text(value);
        return all;
    }

    private static Dictionary<string, double> MetricsOf(MethodRun run)
    {
        var metrics = new Dictionary<string, double>
        {
            ["test/accuracy"] = run.TestAccuracy,
            ["test/loss"] = run.TestLoss,
            ["best/validation accuracy"] = run.ValidationAccuracy,
            ["cost/gradients"] = run.GradientEvaluations,
            ["cost/seconds"] = run.Seconds,
        };
        if (run.Curvature is { } curvature)
        {
            metrics["curvature/trace"] = curvature.Trace.Value;
            metrics["curvature/top eigenvalue"] = curvature.TopEigenvalue.Value;
        }
        return metrics;
    }

    private static Dictionary<string, IReadOnlyList<(long Step, double Value)>> CurvesOf(MethodRun run)
    {
        if (run.Curve is not { } curve)
            return [];
        return new()
        {
            ["loss/train"] = Points(curve.TrainLoss),
            ["loss/validation"] = Points(curve.ValidationLoss),
            ["accuracy/validation"] = Points(curve.ValidationAccuracy),
        };

        (long Step, double Value)[] Points(IReadOnlyList<double> values) => [.. curve.Epoch.Zip(values, (e, v) => ((long)e, v))];
    }

    // A label has signs that a folder's name had better not.
    private static string NameOf(string label) => string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '=' or '+' ? c : '_'));
}
