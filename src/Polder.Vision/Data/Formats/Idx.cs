using System.Buffers.Binary;
using System.IO.Compression;

namespace Polder.Vision.Data;

/// <summary>
/// MNIST's published form (LeCun, Cortes and Burges), which Fashion-MNIST shares: train-images-idx3-ubyte, train-labels-idx1-ubyte and their t10k
/// siblings, each also with .gz; ten classes, gray.
/// </summary>
public static class Idx
{
    private const int Classes = 10;

    /// <summary>True: the folder holds the training images in this form.</summary>
    /// <param name="folder">A folder.</param>
    public static bool IsIn(string folder) => Find(folder, "train-images", 3) is not null;

    /// <summary>Reads the set.</summary>
    /// <param name="folder">The folder with the files.</param>
    /// <param name="options">The size that images are resampled to.</param>
    /// <exception cref="DataException">A file is missing, cut off, or of another kind; the numbers of images and labels differ.</exception>
    public static ImageData Load(string folder, ImageSourceOptions? options = null)
    {
        options ??= new ImageSourceOptions();
        ImageSet train = Read(folder, "train", options)
            ?? throw new DataException(folder, "holds no train-images-idx3-ubyte (or the same with .gz)");
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new ImageData(name, train, Test: Read(folder, "t10k", options));
    }

    private static ImageSet? Read(string folder, string part, ImageSourceOptions options)
    {
        if (Find(folder, $"{part}-images", 3) is not string imagePath)
            return null;
        string labelPath = Find(folder, $"{part}-labels", 1)
            ?? throw new DataException(imagePath, $"has no {part}-labels-idx1-ubyte beside it");
        (int[] shape, byte[] images) = ReadFile(imagePath, 3);
        (int[] labelShape, byte[] labels) = ReadFile(labelPath, 1);
        if (labelShape[0] != shape[0])
            throw new DataException(labelPath, $"has {labelShape[0]} labels; {Path.GetFileName(imagePath)} has {shape[0]} images");
        (int height, int width, int side) = (shape[1], shape[2], options.StoredSize);
        if (labels.FirstOrDefault(label => label >= Classes) is byte wrong and > 0)
            throw new DataException(labelPath, $"has label {wrong}; allowed are 0 to {Classes - 1}");
        byte[][] pixels = new byte[shape[0]][];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = Resampler.Square(images.AsSpan(i * height * width, height * width), 1, height, width, side, options.Fit);
        return new ImageSet(
            pixels, [.. labels.Select(label => (int)label)], [.. Enumerable.Range(0, Classes).Select(c => $"{c}")], 1, side, side,
            [.. Enumerable.Range(0, pixels.Length).Select(i => $"{imagePath}#{i}")]);
    }

    private static string? Find(string folder, string stem, int dimensions)
    {
        string path = Path.Combine(folder, $"{stem}-idx{dimensions}-ubyte");
        return File.Exists(path) ? path : File.Exists(path + ".gz") ? path + ".gz" : null;
    }

    /// <summary>A header of big-endian 32-bit numbers (magic 0x0800 + dimensions, then the sizes), then bytes.</summary>
    private static (int[] Shape, byte[] Values) ReadFile(string path, int dimensions)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
            byte[] header = new byte[4 + 4 * dimensions];
            stream.ReadExactly(header);
            int magic = BinaryPrimitives.ReadInt32BigEndian(header);
            if (magic != 0x0800 + dimensions)
                throw new DataException(path, $"begins with 0x{magic:x8}; an IDX file of bytes with {dimensions} dimension(s) with 0x{0x0800 + dimensions:x8}");
            int[] shape = [.. Enumerable.Range(0, dimensions).Select(d => BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 + 4 * d)))];
            if (shape.Any(n => n < 1) || shape.Aggregate(1m, (product, n) => product * n) > Array.MaxLength)
                throw new DataException(path, $"says its sizes are {string.Join(" x ", shape)}; allowed are 1 or more, 2 GB in all");
            int size = shape.Aggregate(1, (product, n) => product * n);
            // Grown as the data comes, and no further than the header says: neither a header nor a packed file that lies costs memory.
            using var values = new MemoryStream();
            byte[] block = new byte[1 << 16];
            while (values.Length <= size && stream.Read(block) is int read and > 0)
                values.Write(block, 0, read);
            if (values.Length != size)
            {
                string found = values.Length > size ? "more" : $"{values.Length}";
                throw new DataException(path, $"has {found} bytes after its header, which says {string.Join(" x ", shape)} = {size}");
            }

            return (shape, values.ToArray());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new DataException(path, $"cannot be read to its end ({exception.Message})", exception);
        }
    }
}
