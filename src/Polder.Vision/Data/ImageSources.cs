namespace Polder.Vision.Data;

/// <summary>Finds out what kind of data a name or folder is, and opens it.</summary>
public static class ImageSources
{
    /// <summary>The names of the built-in sets.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } = [Digits.Name];

    /// <summary>
    /// Opens a built-in set by name (without a path separator), a .csv list, MedMNIST's .npz, or a folder: CIFAR-10 or -100 in its binary form, MNIST's
    /// IDX files, or a folder a class, with or without train/, val/ and test/ above.
    /// </summary>
    /// <param name="data">A built-in name such as <c>digits</c>, or a path; a folder called like a built-in set is reached as <c>./digits</c>.</param>
    /// <param name="options">Image size and threads; null: the defaults.</param>
    /// <param name="progress">Told how many images are decoded.</param>
    /// <param name="cancellation">Stops decoding with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="DataException">There is no such data, or it cannot be used; the message says what is allowed.</exception>
    public static ImageData Open(
        string data, ImageSourceOptions? options = null, IProgress<DecodingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(data);
        options ??= new ImageSourceOptions();
        if (data == Digits.Name)
            return Digits.Load(options.StoredSize);
        if (File.Exists(data) && Path.GetExtension(data).Equals(".npz", StringComparison.OrdinalIgnoreCase))
            return MedMnist.Load(data, options);
        if (File.Exists(data) && Path.GetExtension(data).Equals(".csv", StringComparison.OrdinalIgnoreCase))
            return ImageList.Load(data, options, progress, cancellation);
        if (!Directory.Exists(data))
        {
            bool bare = data.AsSpan().IndexOfAny('/', '\\') < 0;
            throw new DataException(data, File.Exists(data)
                ? "is a file; data is a folder (images, CIFAR, MNIST's IDX), a .csv list or MedMNIST's .npz"
                : bare ? $"is neither a folder nor a built-in set (built in: {string.Join(", ", BuiltIn)})" : "there is no such folder");
        }

        if (Idx.IsIn(data))
            return Idx.Load(data, options);
        return Cifar.Find(data) is string cifar ? Cifar.Load(cifar, options) : ImageFolder.Load(data, options, progress, cancellation);
    }
}
