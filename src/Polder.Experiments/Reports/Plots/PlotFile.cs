using System.Text;
using ScottPlot;
using SkiaSharp;

namespace Polder.Experiments.Reports;

/// <summary>Turns a plot into the bytes of a picture.</summary>
internal static class PlotFile
{
    private const int Width = 800, Height = 500, PanelWidth = 560, PanelHeight = 400;

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

    /// <summary>Renders plots as the panels of one picture, row by row, and disposes of them.</summary>
    /// <param name="plots">The plots.</param>
    /// <param name="columns">How many stand side by side.</param>
    /// <param name="format">.svg or .png.</param>
    /// <param name="width">Pixels of a panel.</param>
    /// <param name="height">Pixels of a panel.</param>
    /// <exception cref="ArgumentException">The format is another.</exception>
    public static byte[] Render(IReadOnlyList<Plot> plots, int columns, string format, int width = PanelWidth, int height = PanelHeight)
    {
        int rows = (plots.Count + columns - 1) / columns;
        foreach (Plot plot in plots)
            PlotFont.Apply(plot);
        try
        {
            using var stream = new MemoryStream();
            var size = new SKImageInfo(columns * width, rows * height);
            switch (format.ToLowerInvariant())
            {
                case ".svg":
                    // The canvas writes the end of the document when it is disposed of.
                    using (SKCanvas canvas = SKSvgCanvas.Create(new SKRect(0, 0, size.Width, size.Height), stream))
                        Paint(canvas);
                    return stream.ToArray();
                case ".png":
                    using (SKSurface surface = SKSurface.Create(size))
                    {
                        Paint(surface.Canvas);
                        using SKImage image = surface.Snapshot();
                        return image.Encode(SKEncodedImageFormat.Png, 100).ToArray();
                    }
                default:
                    throw new ArgumentException($"format {format} is not .svg or .png", nameof(format));
            }
        }
        finally
        {
            foreach (Plot plot in plots)
                plot.Dispose();
        }

        void Paint(SKCanvas canvas)
        {
            for (int i = 0; i < plots.Count; i++)
            {
                canvas.Save();
                canvas.Translate(i % columns * width, i / columns * height);
                // A plot clears its canvas first: without an edge it would take the panels before it along.
                canvas.ClipRect(new SKRect(0, 0, width, height));
                plots[i].Render(canvas, new PixelRect(0, width, height, 0));
                canvas.Restore();
            }
        }
    }
}
