using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>A study of matrix sensing as a table.</summary>
public static class SensingReport
{
    private static readonly ResultColumn[] Columns =
    [
        "method", "seeds", Spread("train"), Spread("validation"), Spread("distance"), new("ms a step", "secondsPerStep"), new("s a run", "seconds"),
    ];

    /// <summary>Makes the report.</summary>
    /// <param name="results">The runs.</param>
    /// <param name="steps">The steps of each.</param>
    /// <param name="pairs">The pairs of nso.</param>
    /// <param name="draws">The draws of wp.</param>
    public static Result Of(IReadOnlyList<SensingResult> results, int steps, int pairs, int draws)
    {
        ArgumentNullException.ThrowIfNull(results);
        bool several = results.Select(r => r.Seed).Distinct().Count() > 1;
        return new Result(new { Results = results.Select(r => Describe(r, pairs, draws)) })
        {
            Blocks = results.Count == 0 ? [] :
            [
                ResultTable.Of("methods", Columns, results.GroupBy(r => r.Method), method => Cells(method, steps)),
                Invariant($"Mean squared errors over the mean of y^2, and squared distance, after {steps} steps")
                + $"{(several ? ": minimum / median / maximum over seeds" : "")}.",
            ],
        };
    }

    private static ResultCell[] Cells(IGrouping<string, SensingResult> method, int steps)
    {
        double secondsPerStep = method.Average(r => r.SecondsPerStep);
        return
        [
            method.Key, method.Count(), Spread(method, r => r.Final.Train), Spread(method, r => r.Final.Validation), Spread(method, r => r.Final.Distance),
            new(Invariant($"{1000 * secondsPerStep:F2}"), secondsPerStep), ResultCell.Of(steps * secondsPerStep, "F1"),
        ];
    }

    private static ResultColumn Spread(string name) => new(name, name + "Minimum", name + "Median", name + "Maximum");

    private static ResultCell Spread(IEnumerable<SensingResult> results, Func<SensingResult, double> figure)
    {
        double[] sorted = [.. results.Select(figure).Order()];
        double median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return new(sorted.Length == 1 ? Number(median) : $"{Number(sorted[0])} / {Number(median)} / {Number(sorted[^1])}", sorted[0], median, sorted[^1]);
    }

    /// <summary>An error in words: two decimals, or a power of ten where it is small or large.</summary>
    /// <param name="value">The error.</param>
    public static string Number(double value) => value is >= 0.1 and < 1000 ? Invariant($"{value:F2}") : Invariant($"{value:0.0e-0}");

    private static object Describe(SensingResult result, int pairs, int draws) => new
    {
        result.Method,
        Pairs = result.Method == "nso" ? pairs : (int?)null,
        Draws = result.Method == "wp" ? draws : (int?)null,
        result.Seed,
        result.Final.Train,
        result.Final.Validation,
        result.Final.Distance,
        result.SecondsPerStep,
        Curve = new
        {
            Step = result.Curve.Select(p => p.Step),
            Train = result.Curve.Select(p => p.Metrics.Train),
            Validation = result.Curve.Select(p => p.Metrics.Validation),
            Distance = result.Curve.Select(p => p.Metrics.Distance),
        },
    };
}
