namespace Polder.Vision.Data;

/// <summary>Files with their labels.</summary>
internal sealed record Listing(IReadOnlyList<string> Files, IReadOnlyList<int> Labels);

/// <summary>Decodes listings on several threads, and reports as one piece of work.</summary>
internal sealed class Decoding(ImageSourceOptions options, int total, IProgress<DecodingProgress>? progress, CancellationToken cancellation)
{
    private const int Named = 20;

    private readonly List<ImageDecodingException> _skipped = [];
    private int _done;

    /// <summary>The files that were left out. Ask when all parts are decoded.</summary>
    /// <exception cref="ImageDecodingException">There are some, and none may be left out.</exception>
    public IReadOnlyList<ImageDecodingException> Skipped => options.SkipUnreadable || Together(_skipped) is not { } all ? _skipped : throw all;

    /// <summary>One exception that names all files (of many the first); null where there is none.</summary>
    public static ImageDecodingException? Together(IReadOnlyList<ImageDecodingException> failures)
    {
        if (failures.Count < 2)
            return failures is [var only] ? only : null;
        ImageDecodingException first = failures[0];
        string others = string.Join("; ", failures.Take(Named).Skip(1).Select(f => f.Message)), more = failures.Count > Named
            ? $"; and {failures.Count - Named} more" : "";
        return new ImageDecodingException(first.Path, $"{first.Message[(first.Path.Length + 2)..]}; {others}{more} ({failures.Count} images in all)", first);
    }

    public ImageSet Decode(Listing listing, IReadOnlyList<string> classes)
    {
        byte[]?[] pixels = new byte[]?[listing.Files.Count];
        var failures = new ImageDecodingException?[listing.Files.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.DecodingThreads, CancellationToken = cancellation };
        Parallel.For(0, pixels.Length, parallel, i =>
        {
            try
            {
                pixels[i] = ImageDecoder.Decode(listing.Files[i], options.StoredSize, options.Fit);
            }
            catch (ImageDecodingException exception)
            {
                failures[i] = exception;
            }

            progress?.Report(new DecodingProgress(Interlocked.Increment(ref _done), total));
        });

        _skipped.AddRange(failures.OfType<ImageDecodingException>());
        int[] kept = [.. Enumerable.Range(0, pixels.Length).Where(i => pixels[i] is not null)];
        return new ImageSet(
            [.. kept.Select(i => pixels[i]!)], [.. kept.Select(i => listing.Labels[i])], classes, 3, options.StoredSize, options.StoredSize,
            [.. kept.Select(i => listing.Files[i])]);
    }
}
