using ScottPlot;

namespace Polder.Experiments.Reports;

/// <summary>Height lines and colors of a function over a square grid, as SVG or PNG; its logarithm where the values span decades.</summary>
/// <param name="Title">The title.</param>
/// <param name="XLabel">The label of the x axis.</param>
/// <param name="YLabel">The label of the y axis.</param>
/// <param name="ValueLabel">The label of the colors.</param>
public sealed record ContourPlot(string Title, string XLabel, string YLabel, string ValueLabel)
{
    private const int Width = 720, Height = 600, Lines = 12;
    private const double DecadesForLogarithm = 1.5;

    /// <summary>Draws the function; points that are not finite stay empty.</summary>
    /// <param name="positions">The coordinates of the grid, rising, on both axes alike; 2 or more.</param>
    /// <param name="values">[i][j] is the value at x = positions[i], y = positions[j].</param>
    /// <param name="format">.svg or .png.</param>
    /// <returns>The bytes of the file.</returns>
    /// <exception cref="ArgumentException">The format is another, the sizes differ, or fewer than two values are finite.</exception>
    public byte[] Draw(IReadOnlyList<double> positions, IReadOnlyList<IReadOnlyList<double>> values, string format)
    {
        ArgumentNullException.ThrowIfNull(positions);
        ArgumentNullException.ThrowIfNull(values);
        int n = positions.Count;
        if (n < 2 || values.Count != n || values.Any(row => row.Count != n))
            throw new ArgumentException(
                $"{n} positions, and values of {values.Count} x {(values.Count > 0 ? values[0].Count : 0)}; a grid of 2 or more a side is allowed",
                nameof(values));
        double[] finite = [.. values.SelectMany(row => row).Where(double.IsFinite)];
        if (finite.Length < 2)
            throw new ArgumentException("fewer than two values are finite, so nothing can be drawn", nameof(values));
        bool logarithmic = finite.Min() > 0 && Math.Log10(finite.Max() / finite.Min()) > DecadesForLogarithm;
        double[,] heights = new double[n, n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                heights[j, i] = double.IsFinite(values[i][j]) ? logarithmic ? Math.Log10(values[i][j]) : values[i][j] : double.NaN; // rows are y

        using var plot = new Plot();
        var heatmap = plot.Add.Heatmap(heights);
        // From the centre of the first cell to that of the last.
        heatmap.Position = new CoordinateRect(positions[0], positions[^1], positions[0], positions[^1]);
        heatmap.FlipVertically = true; // row 0 is the lowest y
        heatmap.Colormap = new ScottPlot.Colormaps.Viridis();
        plot.Add.ColorBar(heatmap).Label = logarithmic ? $"log10 of {ValueLabel}" : ValueLabel;
        // Height lines need a whole grid; where a value is missing the colors alone are shown.
        if (finite.Length == n * n && finite.Max() > finite.Min())
        {
            var points = new Coordinates3d[n, n];
            for (int j = 0; j < n; j++)
                for (int i = 0; i < n; i++)
                    points[j, i] = new Coordinates3d(positions[i], positions[j], heights[j, i]);
            var contours = plot.Add.ContourLines(points, Lines);
            contours.LineColor = Colors.White.WithAlpha(0.7);
            contours.LabelStyle.IsVisible = false;
        }
        plot.Add.Marker(0, 0, MarkerShape.Cross, 12, Colors.White);
        plot.Title(Title);
        plot.XLabel(XLabel);
        plot.YLabel(YLabel);
        plot.Axes.SetLimits(positions[0], positions[^1], positions[0], positions[^1]);
        return PlotFile.Render(plot, format, Width, Height);
    }
}
