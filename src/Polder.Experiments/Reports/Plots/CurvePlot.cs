using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Polder.Experiments.Reports;

/// <summary>A named curve: y over x, both of one length.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="X">The x values.</param>
/// <param name="Y">The y values. Points that are not finite, or not above 0 where the axis is logarithmic, have no place and are left out.</param>
public sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y);

/// <summary>Curves over linear or logarithmic axes, as SVG or PNG.</summary>
/// <param name="Title">The title.</param>
/// <param name="XLabel">The label of the x axis.</param>
/// <param name="YLabel">The label of the y axis.</param>
public sealed record CurvePlot(string Title, string XLabel, string YLabel)
{
    // Told apart also by those who do not see red and green apart (Okabe and Ito).
    private static readonly Color[] Colors = [new(0, 114, 178), new(230, 159, 0), new(0, 158, 115), new(204, 121, 167), new(213, 94, 0)];

    /// <summary>Whether the x axis is logarithmic. Default: false.</summary>
    public bool LogX { get; init; }

    /// <summary>Whether the y axis is logarithmic. Default: true.</summary>
    public bool LogY { get; init; } = true;

    /// <summary>Whether the x axis has whole numbers alone, such as epochs. Default: false.</summary>
    public bool WholeX { get; init; }

    /// <summary>Whether each point is marked. Default: false.</summary>
    public bool Markers { get; init; }

    /// <summary>Whether the legend stands beside the curves, where it hides none. Default: false, in the upper right corner.</summary>
    public bool LegendBeside { get; init; }

    /// <summary>Whether the legend stands in the upper left corner, for curves that rise. Default: false.</summary>
    public bool LegendLeft { get; init; }

    /// <summary>Draws the curves.</summary>
    /// <param name="curves">The curves.</param>
    /// <param name="format">.svg or .png.</param>
    /// <returns>The bytes of the file.</returns>
    /// <exception cref="ArgumentException">The format is another, a curve's lengths differ, or no point has a place on the axes.</exception>
    public byte[] Draw(IReadOnlyList<Curve> curves, string format)
    {
        using Plot plot = Make(curves);
        return PlotFile.Render(plot, format);
    }

    /// <summary>The plot before it is rendered, which belongs to the caller.</summary>
    /// <inheritdoc cref="Draw"/>
    internal Plot Make(IReadOnlyList<Curve> curves)
    {
        ArgumentNullException.ThrowIfNull(curves);
        if (curves.FirstOrDefault(c => c.X.Count != c.Y.Count) is { } uneven)
            throw new ArgumentException($"curve {uneven.Name} has {uneven.X.Count} x and {uneven.Y.Count} y values", nameof(curves));
        if (!curves.Any(c => c.X.Zip(c.Y).Any(IsDrawn)))
            throw new ArgumentException("no point is finite, and above 0 where an axis is logarithmic, so nothing can be drawn", nameof(curves));
        var plot = new Plot();
        foreach ((int i, Curve curve) in curves.Index())
        {
            var points = curve.X.Zip(curve.Y).Where(IsDrawn).ToArray();
            double[] x = [.. points.Select(p => LogX ? Math.Log10(p.First) : p.First)], y = [.. points.Select(p => LogY ? Math.Log10(p.Second) : p.Second)];
            var line = plot.Add.ScatterLine(x, y);
            line.LegendText = curve.Name;
            line.LineWidth = 2;
            line.Color = Colors[i % Colors.Length];
            if (Markers)
                plot.Add.Markers(x, y, MarkerShape.FilledCircle, 6, line.Color);
        }
        plot.Title(Title);
        plot.XLabel(XLabel);
        plot.YLabel(YLabel);
        if (LogX)
            plot.Axes.Bottom.TickGenerator = Decades();
        else if (WholeX)
            plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
        if (LogY)
            plot.Axes.Left.TickGenerator = Decades();
        if (LegendBeside)
            plot.ShowLegend(Edge.Right);
        else
            plot.ShowLegend(LegendLeft ? Alignment.UpperLeft : Alignment.UpperRight);
        return plot;
    }

    private static NumericAutomatic Decades() => new()
    {
        MinorTickGenerator = new LogMinorTickGenerator(),
        IntegerTicksOnly = true,
        LabelFormatter = exponent => exponent is >= -6 and <= 6
            ? Math.Pow(10, exponent).ToString("0.######", CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"1e{exponent:0}"),
    };

    private bool IsDrawn((double X, double Y) point) => HasPlace(point.X, LogX) && HasPlace(point.Y, LogY);

    private static bool HasPlace(double value, bool logarithmic) => double.IsFinite(value) && (!logarithmic || value > 0);
}
