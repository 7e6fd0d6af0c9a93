using System.Text;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Polder.Experiments.Reports;

/// <summary>A named curve: y over x, both of one length.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="X">The x values.</param>
/// <param name="Y">The y values; those that are not above 0 have no place on a logarithmic axis and are left out.</param>
public sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y);

/// <summary>Curves over a logarithmic y axis, as SVG or PNG.</summary>
/// <param name="Title">The title.</param>
/// <param name="XLabel">The label of the x axis.</param>
/// <param name="YLabel">The label of the y axis.</param>
public sealed record LogCurvePlot(string Title, string XLabel, string YLabel)
{
    private const int Width = 800, Height = 500;

    // Told apart also by those who do not see red and green apart (Okabe and Ito).
    private static readonly Color[] Colors = [new(0, 114, 178), new(230, 159, 0), new(0, 158, 115), new(204, 121, 167), new(213, 94, 0)];

    /// <summary>Draws the curves.</summary>
    /// <param name="curves">The curves.</param>
    /// <param name="format">.svg or .png.</param>
    /// <returns>The bytes of the file.</returns>
    /// <exception cref="ArgumentException">The format is another, a curve's lengths differ, or no value is above 0.</exception>
    public byte[] Draw(IReadOnlyList<Curve> curves, string format)
    {
        ArgumentNullException.ThrowIfNull(curves);
        if (curves.FirstOrDefault(c => c.X.Count != c.Y.Count) is { } uneven)
            throw new ArgumentException($"curve {uneven.Name} has {uneven.X.Count} x and {uneven.Y.Count} y values", nameof(curves));
        if (!curves.SelectMany(c => c.Y).Any(IsDrawn))
            throw new ArgumentException("no value is above 0, so nothing can be drawn on a logarithmic axis", nameof(curves));
        using var plot = new Plot();
        foreach ((int i, Curve curve) in curves.Index())
        {
            var points = curve.X.Zip(curve.Y).Where(p => IsDrawn(p.Second)).ToArray();
            var line = plot.Add.ScatterLine(points.Select(p => p.First).ToArray(), points.Select(p => Math.Log10(p.Second)).ToArray());
            line.LegendText = curve.Name;
            line.LineWidth = 2;
            line.Color = Colors[i % Colors.Length];
        }
        plot.Title(Title);
        plot.XLabel(XLabel);
        plot.YLabel(YLabel);
        plot.Axes.Left.TickGenerator = new NumericAutomatic
        {
            MinorTickGenerator = new LogMinorTickGenerator(),
            IntegerTicksOnly = true,
            LabelFormatter = exponent => Math.Pow(10, exponent).ToString("0.#########"),
        };
        plot.ShowLegend(Alignment.UpperRight);
        PlotFont.Apply(plot);
        return format.ToLowerInvariant() switch
        {
            ".svg" => Encoding.UTF8.GetBytes(plot.GetSvgXml(Width, Height)),
            ".png" => plot.GetImageBytes(Width, Height, ImageFormat.Png),
            _ => throw new ArgumentException($"format {format} is not .svg or .png", nameof(format)),
        };
    }

    private static bool IsDrawn(double value) => value > 0 && double.IsFinite(value);
}
