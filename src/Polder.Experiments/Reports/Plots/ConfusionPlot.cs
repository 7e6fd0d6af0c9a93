using ScottPlot;
using ScottPlot.TickGenerators;

namespace Polder.Experiments.Reports;

/// <summary>A confusion matrix as a picture: a row a true class, a column a predicted one, colors by the share of the row.</summary>
public static class ConfusionPlot
{
    /// <summary>Classes up to which each cell shows its number.</summary>
    private const int MostNumbers = 20;

    /// <summary>Classes up to which each has its name on the axes.</summary>
    private const int MostNames = 40;

    /// <summary>Where there are more, every so manyth has its number, from 0.</summary>
    private const int NumberEvery = 10;

    private const int LongestName = 24;

    // A little less than half, so that neighbours are told apart.
    private const double HalfCell = 0.48;

    /// <summary>Characters up to which names stand beside each other.</summary>
    private const int LongestLevelName = 3;

    /// <summary>Draws the matrix.</summary>
    /// <param name="title">The title.</param>
    /// <param name="classes">The names of the classes.</param>
    /// <param name="confusion">The counts.</param>
    /// <param name="format">.svg or .png.</param>
    /// <returns>The bytes of the file.</returns>
    /// <exception cref="ArgumentException">The format is another, or the names are not as many as the classes.</exception>
    public static byte[] Draw(string title, IReadOnlyList<string> classes, ConfusionMatrix confusion, string format)
    {
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(confusion);
        int n = confusion.Classes;
        if (classes.Count != n)
            throw new ArgumentException($"{classes.Count} names for {n} classes", nameof(classes));
        using var plot = new Plot();
        double[,] shares = new double[n, n];
        for (int t = 0; t < n; t++)
            for (int p = 0; p < n; p++)
                shares[t, p] = confusion.Support(t) == 0 ? 0 : (double)confusion[t, p] / confusion.Support(t);
        var heatmap = plot.Add.Heatmap(shares);
        // From the centre of the first cell to that of the last.
        heatmap.Position = new CoordinateRect(0, n - 1, 0, n - 1);
        heatmap.Colormap = new ScottPlot.Colormaps.CustomInterpolated([Colors.White, new Color(107, 174, 214), new Color(8, 48, 107)]);
        heatmap.ManualRange = new ScottPlot.Range(0, 1);
        // It would be a picture of a pixel a cell, which browsers smear; its colors are those of the bar.
        heatmap.IsVisible = false;
        AddCells(plot, heatmap.Colormap, shares);
        if (n <= MostNumbers)
            AddNumbers(plot, confusion, shares);
        // A label of the bar would be drawn over its ticks.
        plot.Add.ColorBar(heatmap).Axis.TickGenerator = new NumericManual([.. Enumerable.Range(0, 5).Select(i => new Tick(i / 4.0, $"{25 * i} %"))]);
        if (n <= MostNames)
        {
            // The first class is the highest row.
            plot.Axes.Left.TickGenerator = new NumericManual([.. classes.Select((name, c) => new Tick(n - 1 - c, Short(name)))]);
            plot.Axes.Bottom.TickGenerator = new NumericManual([.. classes.Select((name, c) => new Tick(c, Short(name)))]);
            int longest = classes.Max(c => Short(c).Length);
            if (longest > LongestLevelName)
            {
                plot.Axes.Bottom.TickLabelStyle.Rotation = 45;
                plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
                plot.Axes.Bottom.MinimumSize = Math.Min(180, 7 * longest + 20);
            }
        }
        else
        {
            // The numbers of the classes, downwards on the left as the rows are.
            int[] numbers = [.. Enumerable.Range(0, n).Where(c => c % NumberEvery == 0)];
            plot.Axes.Left.TickGenerator = new NumericManual([.. numbers.Select(c => new Tick(n - 1 - c, $"{c}"))]);
            plot.Axes.Bottom.TickGenerator = new NumericManual([.. numbers.Select(c => new Tick(c, $"{c}"))]);
        }
        plot.Title(title);
        plot.XLabel("predicted (colors: share of the true class)");
        plot.YLabel("true");
        plot.Axes.SetLimits(-0.5, n - 0.5, -0.5, n - 0.5);
        int side = Math.Clamp(36 * n + 260, 520, 1400);
        return PlotFile.Render(plot, format, side + 80, side);
    }

    private static void AddCells(Plot plot, IColormap colors, double[,] shares)
    {
        int n = shares.GetLength(0);
        for (int t = 0; t < n; t++)
        {
            for (int p = 0; p < n; p++)
            {
                if (shares[t, p] == 0)
                    continue;
                var cell = plot.Add.Rectangle(p - HalfCell, p + HalfCell, n - 1 - t - HalfCell, n - 1 - t + HalfCell);
                cell.FillColor = colors.GetColor(shares[t, p]);
                cell.LineWidth = 0;
            }
        }
    }

    private static void AddNumbers(Plot plot, ConfusionMatrix confusion, double[,] shares)
    {
        int n = confusion.Classes;
        for (int t = 0; t < n; t++)
        {
            for (int p = 0; p < n; p++)
            {
                if (confusion[t, p] == 0)
                    continue;
                var text = plot.Add.Text($"{confusion[t, p]}", p, n - 1 - t);
                text.LabelAlignment = Alignment.MiddleCenter;
                text.LabelFontColor = shares[t, p] > 0.5 ? Colors.White : Colors.Black;
                text.LabelFontSize = 12;
            }
        }
    }

    private static string Short(string name) => name.Length <= LongestName ? name : name[..(LongestName - 2)] + "..";
}
