using Polder.Vision.Training.Metrics;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Polder.Experiments.Reports;

/// <summary>A confusion matrix as a picture: a row a true class, a column a predicted one, colours by the share of the row.</summary>
public static class ConfusionPlot
{
    /// <summary>Classes up to which each cell shows its number.</summary>
    private const int MostNumbers = 20;

    /// <summary>Classes up to which each has its name on the axes.</summary>
    private const int MostNames = 40;

    private const int LongestName = 24;

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
        heatmap.Extent = new CoordinateRect(-0.5, n - 0.5, -0.5, n - 0.5);
        heatmap.Colormap = new ScottPlot.Colormaps.Blues();
        heatmap.ManualRange = new ScottPlot.Range(0, 1);
        if (n <= MostNumbers)
            AddNumbers(plot, confusion, shares);
        plot.Add.ColorBar(heatmap).Label = "share of the true class";
        if (n <= MostNames)
        {
            // The first class is the highest row.
            plot.Axes.Left.TickGenerator = new NumericManual([.. classes.Select((name, c) => new Tick(n - 1 - c, Short(name)))]);
            plot.Axes.Bottom.TickGenerator = new NumericManual([.. classes.Select((name, c) => new Tick(c, Short(name)))]);
            plot.Axes.Bottom.TickLabelStyle.Rotation = 45;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
            plot.Axes.Bottom.MinimumSize = Math.Min(180, 7 * classes.Max(c => Short(c).Length) + 20);
        }
        plot.Title(title);
        plot.XLabel("predicted");
        plot.YLabel("true");
        plot.Axes.SetLimits(-0.5, n - 0.5, -0.5, n - 0.5);
        int side = Math.Clamp(36 * n + 260, 520, 1400);
        return PlotFile.Render(plot, format, side + 80, side);
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
