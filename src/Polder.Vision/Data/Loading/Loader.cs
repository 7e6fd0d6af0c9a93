using System.Collections;
using System.Threading.Channels;

namespace Polder.Vision.Data;

/// <summary>
/// Batches of a set, made ahead by one background thread. Order and augmentation are a pure function of (seed, epoch, image), so a run that is
/// resumed at epoch e sees what an uninterrupted run saw. A plain <c>foreach</c> is one epoch; the next <c>foreach</c> is the next.
/// </summary>
public sealed class Loader : IEnumerable<Batch>
{
    /// <summary>Makes a loader; nothing is started before the first batch is asked for.</summary>
    /// <param name="set">The images; at least one.</param>
    /// <param name="options">Batch size, seed, augmentation, normalization; null: the defaults.</param>
    /// <exception cref="ArgumentException">The set is empty, or the image size is larger than its images.</exception>
    public Loader(ImageSet set, LoaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(set);
        options ??= new LoaderOptions();
        if (set.Count == 0)
            throw new ArgumentException("the set has no images", nameof(set));
        if (options.ImageSize is int size && size > Math.Min(set.Height, set.Width))
        {
            throw new ArgumentException(
                $"{nameof(LoaderOptions.ImageSize)} is {size}; the images are {set.Width} x {set.Height}, so it is at most {Math.Min(set.Height, set.Width)}",
                nameof(options));
        }

        (Set, Options) = (set, options);
    }

    /// <summary>The images.</summary>
    public ImageSet Set { get; }

    /// <summary>How batches are made.</summary>
    public LoaderOptions Options { get; }

    /// <summary>Number of batches of an epoch, the smaller last one included (<see cref="LoaderOptions.JoinLone"/>).</summary>
    public int Count => BatchesOf(Set.Count, Options.BatchSize, Options.JoinLone);

    /// <summary>The epoch that the next plain <c>foreach</c> goes through; each one moves it on. Set it to resume.</summary>
    public int NextEpoch { get; set; }

    /// <summary>Called on the background thread before a batch is made: the tests let it fail there.</summary>
    internal Action<int, int[]>? BeforeBatch { get; init; }

    /// <summary>The same images and normalization in the set's order, without augmentation, all of them.</summary>
    /// <param name="batchSize">Images of a batch; null: as here.</param>
    public Loader ForEvaluation(int? batchSize = null) =>
        new(Set, Options with
        {
            JoinLone = false,
            Shuffle = false,
            Augmentation = Augmentation.None,
            Distortion = new(),
            BatchSize = batchSize ?? Options.BatchSize,
        });

    /// <summary>The batches of so many images.</summary>
    internal static int BatchesOf(int images, int batchSize, bool joinLone) =>
        ((images + batchSize - 1) / batchSize) - (joinLone && images > batchSize && images % batchSize == 1 ? 1 : 0);

    /// <summary>The indices of an epoch in its order.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    public int[] Order(int epoch)
    {
        if (Options is { Shuffle: true, Sampling: Sampling.Balanced })
            return BalancedOrder(epoch);
        int[] order = [.. Enumerable.Range(0, Set.Count)];
        if (Options.Shuffle)
            new CounterRandom(Options.Seed, RandomPurpose.Order, epoch).Shuffle(order);
        return order;
    }

    private int[] BalancedOrder(int epoch)
    {
        int[][] members = [.. Enumerable.Range(0, Set.Classes.Count).Select(c => Enumerable.Range(0, Set.Count).Where(i => Set.Labels[i] == c).ToArray())
            .Where(m => m.Length > 0)];
        var random = new CounterRandom(Options.Seed, RandomPurpose.Sampling, epoch);
        // Which classes get one image more than the others changes from epoch to epoch.
        int[] classes = [.. Enumerable.Range(0, members.Length)];
        random.Shuffle(classes);
        foreach (int[] images in members)
            random.Shuffle(images);
        int[] order = new int[Set.Count];
        for (int i = 0; i < order.Length; i++)
        {
            int[] images = members[classes[i % classes.Length]];
            order[i] = images[i / classes.Length % images.Length];
        }
        random.Shuffle(order);
        return order;
    }

    /// <summary>
    /// One epoch. A batch lives until the next is asked for (see <see cref="Batch"/>). Leaving the loop early stops the background thread and gives
    /// back what it made; an exception there comes out here.
    /// </summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="cancellation">Ends the loop with <see cref="OperationCanceledException"/>.</param>
    public IEnumerable<Batch> Epoch(int epoch, CancellationToken cancellation = default) => Epoch(epoch, 0, cancellation);

    /// <summary>The rest of an epoch, as a run needs it that was stopped within one.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="skip">The number of batches at its start that are left out; they are not made.</param>
    /// <param name="cancellation">Ends the loop with <see cref="OperationCanceledException"/>.</param>
    public IEnumerable<Batch> Epoch(int epoch, int skip, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        return Enumerate(epoch, skip..Math.Max(skip, Count), cancellation);
    }

    /// <summary>Some batches of an epoch.</summary>
    internal IEnumerable<Batch> Epoch(int epoch, Range batches, CancellationToken cancellation) => Enumerate(epoch, batches, cancellation);

    /// <summary>The indices of the batches of an epoch.</summary>
    internal IEnumerable<int[]> IndicesOf(int epoch)
    {
        int[] order = Order(epoch);
        for (int number = 0; number < Count; number++)
        {
            int start = number * Options.BatchSize;
            yield return order[start..(number == Count - 1 ? order.Length : start + Options.BatchSize)];
        }
    }

    /// <summary>The epoch <see cref="NextEpoch"/>, which moves on.</summary>
    public IEnumerator<Batch> GetEnumerator() => Epoch(NextEpoch++).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private IEnumerable<Batch> Enumerate(int epoch, Range batches, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var channel = Channel.CreateBounded<Batch>(new BoundedChannelOptions(Options.Prefetch) { SingleReader = true, SingleWriter = true });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // A thread of its own: the pool stays free for decoding, and the tensors it makes belong to no dispose scope (those are per thread).
        Task producer = Task.Factory.StartNew(
            () => Produce(epoch, batches, channel.Writer, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            while (Wait(channel.Reader, cancellation))
            {
                while (channel.Reader.TryRead(out Batch? batch))
                {
                    try
                    {
                        yield return batch;
                    }
                    finally
                    {
                        batch.Release();
                    }

                    cancellation.ThrowIfCancellationRequested();
                }
            }
        }
        finally
        {
            stop.Cancel();
            // The producer never throws: its exception went through the channel, where Wait has found it.
            producer.Wait(CancellationToken.None);
            while (channel.Reader.TryRead(out Batch? left))
                left.Dispose();
        }
    }

    private static bool Wait(ChannelReader<Batch> reader, CancellationToken cancellation) =>
        reader.WaitToReadAsync(cancellation).AsTask().GetAwaiter().GetResult();

    private void Produce(int epoch, Range batches, ChannelWriter<Batch> writer, CancellationToken stop)
    {
        try
        {
            var maker = new BatchMaker(Set, Options);
            foreach (int[] indices in IndicesOf(epoch).Take(batches))
            {
                stop.ThrowIfCancellationRequested();
                BeforeBatch?.Invoke(epoch, indices);
                Batch batch = maker.Make(epoch, indices);
                try
                {
                    writer.WriteAsync(batch, stop).AsTask().GetAwaiter().GetResult();
                }
                catch
                {
                    batch.Dispose();
                    throw;
                }
            }

            writer.Complete();
        }
        catch (Exception exception)
        {
            writer.TryComplete(exception);
        }
    }
}
