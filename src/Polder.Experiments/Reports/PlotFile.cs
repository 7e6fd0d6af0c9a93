using System.Text;
using ScottPlot;

namespace Polder.Experiments.Reports;

/// <summary>Turns a plot into the bytes of a picture.</summary>
internal static class PlotFile
{
    private const int Width = 800, Height = 500;

    /// <summary>Renders a plot with the font of this machine.</summary>
    /// <param name="plot">The plot.</param>
    /// <param name="format">.svg or .png.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <exception cref="ArgumentException">The format is another.</exception>
    public static byte[] Render(Plot plot, string format, int width = Width, int height = Height)
    {
        PlotFont.Apply(plot);
        return format.ToLowerInvariant() switch
        {
            ".svg" => Encoding.UTF8.GetBytes(plot.GetSvgXml(width, height)),
            ".png" => plot.GetImageBytes(width, height, ImageFormat.Png),
            _ => throw new ArgumentException($"format {format} is not .svg or .png", nameof(format)),
        };
    }
}
