using System.Globalization;

namespace Polder.Experiments.Pages;

/// <summary>A chart: series over two axes, drawn by the page's script, and a table of its values behind it.</summary>
/// <param name="Title">The title.</param>
/// <param name="Alt">What is to be seen in it, for those who do not see it.</param>
/// <param name="X">The x axis.</param>
/// <param name="Y">The y axis.</param>
/// <param name="Series">What is drawn.</param>
internal sealed record PageChart(string Title, string Alt, PageAxis X, PageAxis Y, params IReadOnlyList<PageSeries> Series) : PageBlock
{
    /// <summary>Whether a legend names the series. Default: where there are several.</summary>
    public bool? Legend { get; init; }

    /// <summary>Whether it is as wide as the page.</summary>
    public bool IsWide { get; init; }

    /// <summary>The height in rows of text beside the axis; 0 is the usual height.</summary>
    public int Rows { get; init; }

    /// <summary>The chart as the page's script reads it.</summary>
    public object ToData() => new
    {
        X = X.ToData(),
        Y = Y.ToData(),
        Legend = Legend ?? Series.Count(s => s.Name.Length > 0) > 1,
        Rows,
        Series = Series.Select(s => s.ToData()),
    };
}

/// <summary>An axis.</summary>
/// <param name="Label">What it measures.</param>
internal sealed record PageAxis(string Label)
{
    /// <summary>Whether it is logarithmic.</summary>
    public bool IsLogarithmic { get; init; }

    /// <summary>Whether its values are shares, shown in percent.</summary>
    public bool IsShare { get; init; }

    /// <summary>Whether its values are differences of shares, shown in percentage points.</summary>
    public bool IsPoints { get; init; }

    /// <summary>Whether only whole numbers have a place on it.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Whether there is nothing to read on it.</summary>
    public bool IsHidden { get; init; }

    /// <summary>What its values 0, 1, 2, ... are called; null where they are numbers.</summary>
    public IReadOnlyList<IReadOnlyList<string>>? Names { get; init; }

    /// <summary>Where it begins; null: where the values do.</summary>
    public double? Least { get; init; }

    /// <summary>Where it ends; null: where the values do.</summary>
    public double? Most { get; init; }

    /// <summary>An axis of names, each with a line of its own.</summary>
    public static PageAxis OfNames(string label, IEnumerable<string> names) => new(label) { Names = [.. names.Select(name => (IReadOnlyList<string>)[name])] };

    /// <summary>The axis as the page's script reads it.</summary>
    public object ToData() => new
    {
        Label,
        Log = IsLogarithmic,
        Share = IsShare,
        Points = IsPoints,
        Whole = IsWhole,
        Hidden = IsHidden,
        Names,
        Min = Least,
        Max = Most,
    };
}

/// <summary>How a series is drawn.</summary>
internal enum PageMark
{
    /// <summary>A line through the points.</summary>
    Line,

    /// <summary>A line with a dot at each point.</summary>
    LineAndDots,

    /// <summary>Dots.</summary>
    Dots,

    /// <summary>Larger dots, on top.</summary>
    LargeDots,
}

/// <summary>A series of a chart.</summary>
/// <param name="Name">What the legend calls it; empty: it is not in the legend.</param>
/// <param name="XValues">The x values.</param>
/// <param name="YValues">The y values; what is not finite leaves a gap.</param>
internal sealed record PageSeries(string Name, IEnumerable<double> XValues, IEnumerable<double> YValues)
{
    /// <summary>How it is drawn.</summary>
    public PageMark Mark { get; init; }

    /// <summary>Its place in the palette.</summary>
    public int Color { get; init; }

    /// <summary>Its place between the palette's two ends of a scale, 0 to 1, in place of <see cref="Color"/>; null: not so.</summary>
    public double? Shade { get; init; }

    /// <summary>Whether it is a line to compare with.</summary>
    public bool IsReference { get; init; }

    /// <summary>Whether it stays behind the others.</summary>
    public bool IsFaint { get; init; }

    /// <summary>The lower ends of intervals; null without.</summary>
    public IEnumerable<double>? Low { get; init; }

    /// <summary>The upper ends of intervals.</summary>
    public IEnumerable<double>? High { get; init; }

    /// <summary>Whether the intervals are a band about the line; else a bar at each point.</summary>
    public bool IsBand { get; init; }

    /// <summary>Whether the intervals lie along the x axis.</summary>
    public bool IsAlongX { get; init; }

    /// <summary>What is said of each point that is pointed at; null: its values.</summary>
    public IReadOnlyList<string>? Notes { get; init; }

    /// <summary>The series as the page's script reads it.</summary>
    public object ToData() => new
    {
        Name,
        X = XValues.Select(Rounded),
        Y = YValues.Select(Rounded),
        Mark = Mark switch { PageMark.Line => "line", PageMark.LineAndDots => "linedots", PageMark.Dots => "dots", _ => "large" },
        Color,
        Shade,
        Reference = IsReference,
        Faint = IsFaint,
        Low = Low?.Select(Rounded),
        High = High?.Select(Rounded),
        Band = IsBand,
        AlongX = IsAlongX,
        Notes,
    };

    // Six digits are more than a picture shows; a page of many points stays small.
    private static double Rounded(double value) =>
        double.IsFinite(value) ? double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : double.NaN;
}
