using System.Globalization;
using System.Text;

namespace Polder.Experiments.Pages;

/// <summary>Draws a surface as a square of colored cells.</summary>
internal static class SurfacePicture
{
    // As many as the style has colors.
    private const int Shades = 16;

    private const int Side = 400;

    /// <summary>The svg element; a cell without a finite value stays empty.</summary>
    /// <param name="surface">The surface.</param>
    /// <param name="label">What stands for the picture where it is not seen, encoded.</param>
    public static string Of(PageSurface surface, string label)
    {
        // Colors are by rank: a loss spans decades, and its valley is what is looked at.
        double[] sorted = [.. surface.Values.SelectMany(row => row).Where(double.IsFinite).Order()];
        double[] limits = [.. Enumerable.Range(1, Shades - 1).Select(k => sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1,
            k * sorted.Length / Shades)])];
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture,
            $"<svg class=\"surface\" viewBox=\"0 0 {Side} {Side}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"{label}\">");
        int n = surface.Positions.Count;
        double cell = (double)Side / n;
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                if (!double.IsFinite(surface.Values[i][j]))
                    continue;
                int shade = limits.Count(limit => surface.Values[i][j] >= limit);
                // A little larger than the cell, so that no line shows between two.
                svg.Append(CultureInfo.InvariantCulture,
                    $"<rect class=\"v{shade}\" x=\"{i * cell:F1}\" y=\"{(n - 1 - j) * cell:F1}\" width=\"{cell + 0.5:F1}\" height=\"{cell + 0.5:F1}\"/>");
            }
        }
        const double centre = Side / 2.0;
        return svg.Append(CultureInfo.InvariantCulture,
            $"<path class=\"centre\" d=\"M{centre - 7:F0} {centre:F0}h14M{centre:F0} {centre - 7:F0}v14\"/></svg>").ToString();
    }
}
