namespace Polder.Vision.Data.Pixels;

/// <summary>
/// The window of a random resized crop (Szegedy et al. 2015): a share of the area drawn evenly from 25 to 100 %, sides in a ratio drawn from 3/4 to
/// 4/3 evenly on a logarithmic scale, at a random place. Published trainings from scratch begin at 8 % of the area; less is lost of small images and in
/// fine-tuning with 25 %.
/// </summary>
internal readonly record struct ResizedCrop(int Top, int Left, int Height, int Width)
{
    private const double LeastArea = 0.25;
    private const int Attempts = 10;

    /// <summary>Draws a window; the largest square in the centre where ten draws do not fit.</summary>
    public static ResizedCrop Of(ref CounterRandom random, int height, int width)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double area = height * width * (LeastArea + (1 - LeastArea) * random.Unit());
            double ratio = Math.Exp(Math.Log(3.0 / 4) + (Math.Log(4.0 / 3) - Math.Log(3.0 / 4)) * random.Unit());
            int columns = (int)Math.Round(Math.Sqrt(area * ratio)), rows = (int)Math.Round(Math.Sqrt(area / ratio));
            if (columns >= 1 && rows >= 1 && columns <= width && rows <= height)
                return new(random.Below(height - rows + 1), random.Below(width - columns + 1), rows, columns);
        }
        int side = Math.Min(height, width);
        return new((height - side) / 2, (width - side) / 2, side, side);
    }

    /// <summary>Resizes the window of one channel.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="stride">Its width.</param>
    /// <param name="output">Rows x columns bytes.</param>
    /// <param name="rows">Rows of the output.</param>
    /// <param name="columns">Columns of the output.</param>
    public void Resize(ReadOnlySpan<byte> channel, int stride, Span<byte> output, int rows, int columns) => Resampler.Resize(
        channel[(Top * stride + Left)..], stride, new Resampler.Filter(Height, rows, 0, rows), new Resampler.Filter(Width, columns, 0, columns), output);
}
