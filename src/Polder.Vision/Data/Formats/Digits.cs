using System.Globalization;
using System.IO.Compression;

namespace Polder.Vision.Data;

/// <summary>
/// The embedded set: 1 797 handwritten digits of 8 x 8 gray pixels ("Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
/// E. Alpaydin and C. Kaynak, CC BY 4.0). No split is shipped.
/// </summary>
public static class Digits
{
    /// <summary>Its name as a data set.</summary>
    public const string Name = "digits";

    /// <summary>The side of its images in pixels.</summary>
    public const int NativeSize = 8;

    private const int Ink = 16;

    /// <summary>All ten digits, gray; ink is 255.</summary>
    /// <param name="imageSize">The side that images are resampled to; 8 leaves them as they are.</param>
    public static ImageData Load(int imageSize = NativeSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(imageSize, 1);
        using Stream resource = typeof(Digits).Assembly.GetManifestResourceStream("Polder.Vision.Data.Embedded.digits.csv.gz")
            ?? throw new InvalidOperationException("the assembly lacks its embedded digits");
        using var reader = new StreamReader(new GZipStream(resource, CompressionMode.Decompress));
        var pixels = new List<byte[]>();
        var labels = new List<int>();
        while (reader.ReadLine() is string line)
        {
            string[] cells = line.Split(',');
            byte[] image = new byte[NativeSize * NativeSize];
            for (int i = 0; i < image.Length; i++)
                image[i] = (byte)((int.Parse(cells[i], CultureInfo.InvariantCulture) * 255 + Ink / 2) / Ink);
            pixels.Add(Resampler.Square(image, 1, NativeSize, NativeSize, imageSize));
            labels.Add(int.Parse(cells[^1], CultureInfo.InvariantCulture));
        }

        string[] classes = [.. Enumerable.Range(0, 10).Select(d => $"{d}")];
        return new ImageData(Name, new ImageSet(pixels, labels, classes, 1, imageSize, imageSize));
    }

    /// <summary>The digits 0 to 4: what the demo pre-trains on.</summary>
    /// <param name="imageSize">As for <see cref="Load"/>.</param>
    public static ImageData Lower(int imageSize = NativeSize) => new("digits 0-4", Load(imageSize).Train.OfClasses(0, 1, 2, 3, 4));

    /// <summary>The digits 5 to 9, labelled 0 to 4: what the demo fine-tunes on.</summary>
    /// <param name="imageSize">As for <see cref="Load"/>.</param>
    public static ImageData Upper(int imageSize = NativeSize) => new("digits 5-9", Load(imageSize).Train.OfClasses(5, 6, 7, 8, 9));
}
