namespace Polder.Vision.Data.Distortions;

/// <summary>
/// A linear map about the image's centre and a shift, from the places of the new image to those of the old: (x, y) -> (a x + b y + c, d x + e y + f),
/// measured from the centre. The nearest pixel is taken; what lies outside is black.
/// </summary>
internal readonly record struct AffineMap(double A, double B, double C, double D, double E, double F)
{
    /// <summary>Turns the image anticlockwise.</summary>
    /// <param name="degrees">The angle.</param>
    public static AffineMap Rotation(double degrees)
    {
        (double sin, double cos) = Math.SinCos(degrees * Math.PI / 180);
        return new(cos, -sin, 0, sin, cos, 0);
    }

    /// <summary>Rows move in proportion to their distance from the middle one.</summary>
    public static AffineMap ShearX(double slope) => new(1, slope, 0, 0, 1, 0);

    /// <summary>Columns move in proportion to their distance from the middle one.</summary>
    public static AffineMap ShearY(double slope) => new(1, 0, 0, slope, 1, 0);

    /// <summary>Moves the image to the right and down, by whole pixels.</summary>
    public static AffineMap Shift(int right, int down) => new(1, 0, -right, 0, 1, -down);

    /// <summary>Applies the map to every channel, in place.</summary>
    public void Apply(Span<byte> pixels, int channels, int height, int width)
    {
        byte[] source = pixels.ToArray();
        double middleX = (width - 1) / 2.0, middleY = (height - 1) / 2.0;
        int plane = height * width;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double dx = x - middleX, dy = y - middleY;
                int fromX = (int)Math.Round(A * dx + B * dy + C + middleX), fromY = (int)Math.Round(D * dx + E * dy + F + middleY);
                bool inside = (uint)fromX < (uint)width && (uint)fromY < (uint)height;
                for (int c = 0; c < channels; c++)
                    pixels[c * plane + y * width + x] = inside ? source[c * plane + fromY * width + fromX] : (byte)0;
            }
        }
    }
}
