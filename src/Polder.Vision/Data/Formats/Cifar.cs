namespace Polder.Vision.Data;

/// <summary>
/// CIFAR-10 and CIFAR-100 in the binary form in which they are published (Krizhevsky 2009): records of one label byte (CIFAR-100: coarse, then fine)
/// and 3 072 pixels, planar RGB, 32 x 32.
/// </summary>
public static class Cifar
{
    private const int Side = 32;
    private const int Pixels = 3 * Side * Side;

    /// <summary>The folder with the .bin files: this one, or the one that the published archive makes in it; null where it is no CIFAR.</summary>
    /// <param name="folder">A folder.</param>
    public static string? Find(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        foreach (string candidate in (string[])[folder, Path.Combine(folder, "cifar-10-batches-bin"), Path.Combine(folder, "cifar-100-binary")])
            if (TrainingFiles(candidate).Length > 0 || File.Exists(Path.Combine(candidate, "train.bin")))
                return candidate;
        return null;
    }

    /// <summary>Reads the set: data_batch_*.bin and test_batch.bin (CIFAR-10), or train.bin and test.bin (CIFAR-100, fine labels).</summary>
    /// <param name="folder">The folder with the .bin files.</param>
    /// <param name="options">The size that images are resampled to.</param>
    /// <exception cref="DataException">A file is missing, cut off or has a label out of range.</exception>
    public static ImageData Load(string folder, ImageSourceOptions? options = null)
    {
        options ??= new ImageSourceOptions();
        if (Find(folder) is not string found)
            throw new DataException(folder, "holds neither data_batch_*.bin (CIFAR-10) nor train.bin (CIFAR-100)");
        string[] batches = TrainingFiles(found);
        bool ten = batches.Length > 0;
        (string name, int labelBytes, string namesFile) = ten ? ("cifar-10", 1, "batches.meta.txt") : ("cifar-100", 2, "fine_label_names.txt");
        string[] classes = ClassNames(Path.Combine(found, namesFile), ten ? 10 : 100);
        string test = Path.Combine(found, ten ? "test_batch.bin" : "test.bin");
        ImageSet Read(params string[] files) => ReadFiles(files, labelBytes, classes, options.StoredSize);
        return new ImageData(
            name, Read(ten ? batches : [Path.Combine(found, "train.bin")]), Test: File.Exists(test) ? Read(test) : null);
    }

    private static string[] TrainingFiles(string folder) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, "data_batch_*.bin").Order(StringComparer.Ordinal)] : [];

    private static string[] ClassNames(string path, int count)
    {
        if (!File.Exists(path))
            return [.. Enumerable.Range(0, count).Select(c => $"{c}")];
        string[] names = [.. File.ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0)];
        return names.Length == count ? names : throw new DataException(path, $"has {names.Length} class names; {count} are needed, one a line");
    }

    private static ImageSet ReadFiles(IEnumerable<string> files, int labelBytes, string[] classes, int side)
    {
        var pixels = new List<byte[]>();
        var labels = new List<int>();
        var origins = new List<string>();
        int record = labelBytes + Pixels;
        foreach (string path in files)
        {
            using FileStream file = Open(path);
            if (file.Length == 0 || file.Length % record != 0)
                throw new DataException(path, $"has {file.Length} bytes; allowed are multiples of {record}, the size of an image with its label");
            byte[] buffer = new byte[record];
            for (long i = 0; i < file.Length / record; i++)
            {
                file.ReadExactly(buffer);
                int label = buffer[labelBytes - 1];
                if (label >= classes.Length)
                    throw new DataException(path, $"image {i} has label {label}; allowed are 0 to {classes.Length - 1}");
                pixels.Add(Resampler.Square(buffer.AsSpan(labelBytes), 3, Side, Side, side));
                labels.Add(label);
                origins.Add($"{path}#{i}");
            }
        }

        return new ImageSet(pixels, labels, classes, 3, side, side, origins);
    }

    private static FileStream Open(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataException(path, $"cannot be read ({exception.Message})", exception);
        }
    }
}
