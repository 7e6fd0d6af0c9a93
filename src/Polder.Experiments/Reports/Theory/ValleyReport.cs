using ScottPlot;
using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>Where methods ended on two valleys, as a table and a plot of panels.</summary>
public static class ValleyReport
{
    private const int PanelWidth = 280, PanelHeight = 240;
    private const double Edge = 2.2;

    private static readonly double[] Heights = [0.1, 0.5, 1.5, 3, 5, 8, 14];

    private static readonly ResultColumn[] Columns =
    [
        "method", "strength", "steps", Share("ended wide", "wide"), Share("ended narrow", "narrow"), Share("narrow at first, ended wide", "escaped"),
        new("median loss", "loss"), "diverged",
    ];

    /// <summary>Makes the report.</summary>
    /// <param name="ends">What was found.</param>
    /// <param name="options">With what.</param>
    public static Result Of(IReadOnlyList<ValleyEnds> ends, ValleyOptions options)
    {
        ArgumentNullException.ThrowIfNull(ends);
        ArgumentNullException.ThrowIfNull(options);
        double least = TwoValleys.LeastSigmaWithoutNarrow();
        return new Result(new
        {
            LeastSigmaWithoutNarrow = least,
            Results = ends.Select(e => new
            {
                e.Method,
                e.Strength,
                e.Steps,
                Wide = e.Wide.Value,
                WideStandardError = e.Wide.StandardError,
                Narrow = e.Narrow.Value,
                Escaped = e.Escaped.Value,
                e.Loss,
                e.Diverged,
            }),
        })
        {
            Blocks =
            [
                ResultTable.Of("methods", Columns, ends, e =>
                [
                    e.Method, ResultCell.Of(e.Strength, "G3"), e.Steps, Percent(e.Wide), Percent(e.Narrow), Percent(e.Escaped), ResultCell.Of(e.Loss, "G3"),
                    e.Diverged,
                ]),
                Invariant($"Percent of {options.Starts} starts, with standard errors; strength is the first option (sigma, rho). ")
                    + Invariant($"{options.Gradients} gradients a run, seed {options.Seed}."),
                Invariant($"In a valley is who is at most {ValleyStudy.Bottom} above its minimum. ")
                    + Invariant($"From sigma {least:F3} on E f(w + sigma U) has no minimum in the narrow one."),
            ],
        };
    }

    /// <summary>
    /// A row of panels a method: all runs at the start, after a quarter, a half and all of the steps, over height lines of f. The strength is the smallest
    /// at which the method brings most starts into the wide valley.
    /// </summary>
    /// <param name="ends">What was found.</param>
    /// <param name="format">.svg or .png.</param>
    public static byte[] Plot(IReadOnlyList<ValleyEnds> ends, string format)
    {
        ArgumentNullException.ThrowIfNull(ends);
        ValleyEnds[] rows = [.. ends.GroupBy(e => e.Method).Select(method => method.MaxBy(e => (e.Wide.Value, -(e.Strength ?? 0)))!)];
        string[] times = ["start", "a quarter", "half", "end"];
        return PlotFile.Render([.. rows.SelectMany(row => row.Places.Select((places, look) => Panel(row, places, times[look])))], times.Length, format,
            PanelWidth, PanelHeight);
    }

    private static Plot Panel(ValleyEnds row, IReadOnlyList<(double X, double Y)> places, string time)
    {
        var plot = new Plot();
        foreach (double height in Heights)
            foreach (Coordinates[] line in HeightLines(height))
                plot.Add.ScatterLine(line, new Color(170, 170, 170)).LineWidth = 1;
        foreach (bool wide in new[] { true, false })
        {
            Coordinates[] at = [.. places.Where(p => double.IsFinite(p.X) && (p.X < TwoValleys.Ridge) == wide).Select(p => new Coordinates(p.X, p.Y))];
            if (at.Length > 0)
                plot.Add.Markers(at, MarkerShape.FilledCircle, 4, wide ? new Color(0, 114, 178) : new Color(213, 94, 0));
        }
        string strength = row.Strength is { } value ? Invariant($" {value}") : "";
        plot.Title(Invariant($"{row.Method}{strength}, {time}: {100.0 * places.Count(p => p.X < TwoValleys.Ridge) / places.Count:F0} % left of the ridge"), 11);
        plot.Axes.SetLimits(-Edge, Edge, -Edge, Edge);
        return plot;
    }

    // f is a function of x plus y^2 / 2, so a height line is known: between two places where the first part reaches the height, y is the root of what is left.
    private static IEnumerable<Coordinates[]> HeightLines(double height)
    {
        const double step = 0.002;
        const int points = 24;
        for (double from = -Edge; from < Edge; from += step)
        {
            if (TwoValleys.Value(from, 0) > height)
                continue;
            double to = from;
            while (to < Edge && TwoValleys.Value(to, 0) <= height)
                to += step;
            double centre = (from + to) / 2, half = (to - from) / 2;
            double[] x = [.. Enumerable.Range(0, points + 1).Select(i => centre - (half * Math.Cos(Math.PI * i / points)))];
            double[] y = [.. x.Select(at => Math.Sqrt(2 * Math.Max(0, height - TwoValleys.Value(at, 0)) / TwoValleys.AlongCurvature))];
            yield return [.. x.Zip(y, (a, b) => new Coordinates(a, b)), .. x.Zip(y, (a, b) => new Coordinates(a, -b)).Reverse(), new Coordinates(x[0], y[0])];
            from = to;
        }
    }

    private static ResultColumn Share(string title, string field) => new(title, field, field + "StandardError");

    private static ResultCell Percent(MeanEstimate share) =>
        new(double.IsNaN(share.Value) ? "" : Invariant($"{100 * share.Value:F1} +- {100 * share.StandardError:F1}"), share.Value, share.StandardError);
}
