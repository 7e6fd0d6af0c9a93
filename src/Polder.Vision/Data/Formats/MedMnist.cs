namespace Polder.Vision.Data;

/// <summary>
/// MedMNIST's published form (Yang et al. 2023): one .npz with train_images, val_images and test_images (N x height x width, gray, or x 3) and labels
/// (N x 1). Sets of one class an image only; those with several labels an image are refused.
/// </summary>
public static class MedMnist
{
    /// <summary>Reads the set with its official parts.</summary>
    /// <param name="path">The .npz file.</param>
    /// <param name="options">The size that images are resampled to.</param>
    /// <exception cref="DataException">The file is damaged, or an array is missing or of another shape or type.</exception>
    public static ImageData Load(string path, ImageSourceOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ImageSourceOptions();
        IReadOnlyDictionary<string, NumpyArray> arrays;
        try
        {
            arrays = Npz.Read(path);
        }
        catch (CheckpointException exception)
        {
            throw new DataException(path, $"cannot be read as .npz ({exception.Message})", exception);
        }

        int classes = (int)Labels(path, arrays, "train").Max() + 1;
        if (classes < 2)
            throw new DataException(path, "train_labels has one class only; 2 or more are needed");
        string[] names = [.. Enumerable.Range(0, classes).Select(c => $"{c}")];
        ImageSet Part(string part) => Read(path, arrays, part, names, options);
        return new ImageData(
            Path.GetFileNameWithoutExtension(path), Part("train"), arrays.ContainsKey("val_images") ? Part("val") : null,
            arrays.ContainsKey("test_images") ? Part("test") : null);
    }

    private static ImageSet Read(string path, IReadOnlyDictionary<string, NumpyArray> arrays, string part, string[] classes, ImageSourceOptions options)
    {
        NumpyArray images = Array(path, arrays, $"{part}_images");
        long[] labels = Labels(path, arrays, part);
        IReadOnlyList<long> shape = images.Shape;
        bool color = shape.Count == 4 && shape[3] == 3;
        if (images.Type != "u1" || !(shape.Count == 3 || color) || shape.Any(n => n < 1))
            throw new DataException(path, $"{part}_images is {images.Type} [{string.Join(", ", shape)}]; allowed are bytes, N x height x width (x 3)");
        if (shape[0] != labels.Length)
            throw new DataException(path, $"{part} has {shape[0]} images and {labels.Length} labels");
        if (labels.Any(label => label < 0 || label >= classes.Length))
            throw new DataException(path, $"{part}_labels has a label outside 0 to {classes.Length - 1}, the classes of train_labels");
        (int height, int width, int channels) = ((int)shape[1], (int)shape[2], color ? 3 : 1);
        int size = height * width * channels, side = options.StoredSize;
        byte[][] pixels = new byte[labels.Length][];
        byte[] planes = new byte[size];
        for (int i = 0; i < pixels.Length; i++)
        {
            // Interleaved to planar.
            ReadOnlySpan<byte> image = images.Bytes.Span.Slice(i * size, size);
            for (int at = 0; at < size; at++)
                planes[at % channels * height * width + at / channels] = image[at];
            pixels[i] = Resampler.Square(planes, channels, height, width, side, options.Fit);
        }

        return new ImageSet(
            pixels, [.. labels.Select(label => (int)label)], classes, channels, side, side,
            [.. Enumerable.Range(0, pixels.Length).Select(i => $"{path}#{part}/{i}")]);
    }

    private static long[] Labels(string path, IReadOnlyDictionary<string, NumpyArray> arrays, string part)
    {
        NumpyArray labels = Array(path, arrays, $"{part}_labels");
        bool single = labels.Shape.Count == 1 || (labels.Shape.Count == 2 && labels.Shape[1] == 1);
        if (!single || labels.Count == 0 || labels.Type[0] is not ('u' or 'i'))
        {
            throw new DataException(
                path, $"{part}_labels is {labels.Type} [{string.Join(", ", labels.Shape)}]; allowed are whole numbers, one an image");
        }

        return labels.ToInt64();
    }

    private static NumpyArray Array(string path, IReadOnlyDictionary<string, NumpyArray> arrays, string name) =>
        arrays.TryGetValue(name, out NumpyArray? array)
            ? array
            : throw new DataException(path, $"lacks the array {name}; it has {string.Join(", ", arrays.Keys)}");
}
