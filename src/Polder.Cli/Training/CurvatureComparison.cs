using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Statistics;
using Spectre.Console;

namespace Polder.Cli.Training;

/// <summary>What <c>polder compare</c> measures of the curvature at the tested weights: the options, the table and the members of the JSON result.</summary>
internal sealed class CurvatureComparison
{
    private static readonly (string Name, Func<MethodRun, double?> Of)[] Figures =
    [
        ("trace", run => run.Curvature?.Trace.Value),
        ("top eigenvalue", run => run.Curvature?.TopEigenvalue.Value),
    ];

    private readonly CliOption<string?> _curvature = new(
        "--curvature", "NAME", "trace and largest eigenvalue of the training loss's Hessian at the tested weights of every run", "on, off", null, "off; digits: on",
        (string text, out string? value) => (value = text) is "on" or "off");

    private readonly CliOption<int> _samples = OptionOf.Count(
        "--curvature-samples", "training images for --curvature, at most: the first ones, without augmentation", new WeightCurvatureOptions().Samples, ValueRange.AtLeast(1));

    public CurvatureComparison(PolderCommand command)
    {
        command.Add(_curvature);
        command.Add(_samples);
    }

    /// <summary>How to measure; null where nothing is to be measured.</summary>
    /// <param name="context">The command.</param>
    /// <param name="digits">Whether the data is the built-in demo.</param>
    public WeightCurvatureOptions? Choose(CommandContext context, bool digits)
    {
        bool on = (context.Get(_curvature) ?? (digits ? "on" : "off")) == "on";
        if (!on && context.IsGiven(_samples))
            throw UserErrorException.ForOption(_samples.Name, $"{context.Get(_samples)}", "only with --curvature on");
        context.SetEffective(_curvature, on ? "on" : "off");
        context.SetEffective(_samples, on ? context.Get(_samples) : null);
        return on ? new WeightCurvatureOptions { Samples = context.Get(_samples) } : null;
    }

    /// <summary>The differences of a method's trace and eigenvalue to those of the base optimizer, in that order.</summary>
    public static IReadOnlyList<PairedDifference?>[] Differences(IReadOnlyList<MethodRuns> results, MethodRuns? reference) =>
        Array.ConvertAll(Figures, figure => MethodDifferences.Of(results, reference, figure.Of));

    /// <summary>Mean and spread of a method's trace and eigenvalue, in that order.</summary>
    public static Summary?[] Summaries(MethodRuns runs) => Array.ConvertAll(Figures, figure => runs.SummaryOf(figure.Of));

    /// <summary>Shows both for every method; nothing where nothing was measured.</summary>
    /// <param name="output">Where.</param>
    /// <param name="results">The methods.</param>
    /// <param name="differences">What <see cref="Differences"/> says of them.</param>
    /// <param name="nameOf">What tables call a method.</param>
    /// <param name="wide">Whether the terminal has room for whole words.</param>
    public static void Show(
        CliOutput output, IReadOnlyList<MethodRuns> results, IReadOnlyList<PairedDifference?>[] differences, Func<MethodRuns, string> nameOf, bool wide)
    {
        WeightCurvature[] measured = [.. results.SelectMany(r => r.Runs).Select(r => r.Curvature).OfType<WeightCurvature>()];
        if (measured.Length == 0)
            return;
        Table table = wide
            ? CliOutput.NewTable("curvature", "method", "mean", "difference to base", "95 % interval", "p", "p (Holm)")
            : CliOutput.NewTable("curvature", "method", "mean", "to base", "95 %", "p", "Holm");
        foreach ((int f, (string figure, _)) in Figures.Index())
        {
            foreach ((int m, MethodRuns runs) in results.Index())
            {
                if (Summaries(runs)[f] is not { } summary)
                    continue;
                PairedDifference? difference = runs.Method == "base" ? null : differences[f][m];
                table.AddRow(
                    figure, nameOf(runs), WithError(summary), difference is null ? "" : Signed(difference.Mean) + Share(summary, difference),
                    difference is null || double.IsNaN(difference.Low) ? "" : $"{Signed(difference.Low)} to {Signed(difference.High)}",
                    difference?.P is { } p ? $"{p:F3}" : "", difference?.PHolm is { } corrected ? $"{corrected:F3}" : "");
            }
        }
        if (!wide)
        {
            foreach (TableColumn column in table.Columns.Where((_, i) => i != 1))
                column.NoWrap().PadRight(1);
        }
        output.Result(table);
        output.Result(
            $"Of the Hessian of the training loss at the tested weights, {measured[0].Parameters} parameters, {measured[0].Samples} images; mean +- standard error over seeds, differences paired.");
        int open = measured.Count(c => !c.TopEigenvalue.Converged || c.Trace.Exit == Curvature.EstimateExit.Budget);
        if (open > 0)
            output.Result($"In {open} of {measured.Length} runs an estimate ended at the budget of products, before its tolerance.");
    }

    private static string WithError(Summary summary) => double.IsNaN(summary.StandardDeviation)
        ? Digits(summary.Mean)
        : $"{Digits(summary.Mean)} +- {Digits(summary.StandardDeviation / Math.Sqrt(summary.Count), "G2")}";

    // The share of base's mean, which is there where all seeds are paired.
    private static string Share(Summary own, PairedDifference difference) =>
        own.Count == difference.Pairs && own.Mean - difference.Mean > 0 ? $" ({100 * difference.Mean / (own.Mean - difference.Mean):+0;-0;0} %)" : "";

    private static string Signed(double value) => (value > 0 ? "+" : "") + Digits(value);

    private static string Digits(double value, string format = "G3") => value.ToString(Math.Abs(value) is >= 100 and < 1e6 ? "F0" : format);
}
