namespace Polder.Vision.Data;

/// <summary>Files with their labels.</summary>
internal sealed record Listing(IReadOnlyList<string> Files, IReadOnlyList<int> Labels);

/// <summary>Decodes listings on several threads, and reports as one piece of work.</summary>
internal sealed class Decoding(ImageSourceOptions options, int total, IProgress<DecodingProgress>? progress, CancellationToken cancellation)
{
    private readonly List<ImageDecodingException> _skipped = [];
    private int _done;

    public IReadOnlyList<ImageDecodingException> Skipped => _skipped;

    public ImageSet Decode(Listing listing, IReadOnlyList<string> classes)
    {
        byte[]?[] pixels = new byte[]?[listing.Files.Count];
        var failures = new ImageDecodingException?[listing.Files.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.DecodingThreads, CancellationToken = cancellation };
        Parallel.For(0, pixels.Length, parallel, (i, loop) =>
        {
            try
            {
                pixels[i] = ImageDecoder.Decode(listing.Files[i], options.StoredSize);
            }
            catch (ImageDecodingException exception)
            {
                failures[i] = exception;
                // Break lets everything before this image finish: which file the error names does not depend on the threads.
                if (!options.SkipUnreadable)
                    loop.Break();
            }

            progress?.Report(new DecodingProgress(Interlocked.Increment(ref _done), total));
        });

        foreach (ImageDecodingException? failure in failures)
        {
            if (failure is null)
                continue;
            if (!options.SkipUnreadable)
                throw failure;
            _skipped.Add(failure);
        }

        int[] kept = [.. Enumerable.Range(0, pixels.Length).Where(i => pixels[i] is not null)];
        return new ImageSet(
            [.. kept.Select(i => pixels[i]!)], [.. kept.Select(i => listing.Labels[i])], classes, 3, options.StoredSize, options.StoredSize,
            [.. kept.Select(i => listing.Files[i])]);
    }
}
