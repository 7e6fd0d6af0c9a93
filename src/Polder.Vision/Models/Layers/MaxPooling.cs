using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>
/// The largest number of each window of a map. Where no gradient is asked for, and the numbers of a channel lie together, libtorch's own pooling takes
/// them one by one and keeps where each was found, for a gradient that nobody takes. The largest of the rows and then of the columns are as many numbers
/// at once as the processor takes, and the same: measured in bench/RESULTS.md ("Pooling without a gradient").
/// </summary>
internal static class MaxPooling
{
    // From here on image by image: what lies between rows and columns stays in the processor's cache, and is room that was used before.
    private const long LeastByImage = 1 << 20;

    /// <summary>Square windows.</summary>
    /// <param name="input">Batch x channels x height x width.</param>
    /// <param name="window">Side of a window.</param>
    /// <param name="stride">From one window to the next.</param>
    /// <param name="padding">Pixels that the first windows begin before the map, and the last end behind it; half a window at most.</param>
    public static Tensor Of(Tensor input, long window, long stride, long padding) => Of(input, [window, window], [stride, stride], [padding, padding]);

    /// <summary>Windows of any sides, each given for height and width.</summary>
    /// <param name="input">Batch x channels x height x width.</param>
    /// <param name="window">Sides of a window.</param>
    /// <param name="stride">From one window to the next.</param>
    /// <param name="padding">Pixels before the map, as many as behind it; half a window at most.</param>
    public static Tensor Of(Tensor input, long[] window, long[] stride, long[] padding)
    {
        if (!Suits(input, window, stride, padding))
            return functional.max_pool2d(input, window, stride, padding);
        if (input.shape[0] == 1 || input.numel() < LeastByImage)
            return RowsThenColumns(input, window, stride, padding);
        using DisposeScope scope = NewDisposeScope();
        IEnumerable<long> sides = Enumerable.Range(0, 2).Select(i => Windows(input.shape[2 + i], window[i], stride[i], padding[i]));
        Tensor pooled = empty([input.shape[0], input.shape[1], .. sides], input.dtype, input.device);
        for (long image = 0; image < input.shape[0]; image++)
        {
            using DisposeScope one = NewDisposeScope();
            pooled.narrow(0, image, 1).copy_(RowsThenColumns(input.narrow(0, image, 1), window, stride, padding));
        }
        return pooled.MoveToOuterDisposeScope();
    }

    private static Tensor RowsThenColumns(Tensor input, long[] window, long[] stride, long[] padding)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = Along(2, input, window[0], stride[0], padding[0]);
        return Along(3, rows, window[1], stride[1], padding[1]).MoveToOuterDisposeScope();
    }

    /// <summary>Whether rows and columns are the faster form here.</summary>
    internal static bool Suits(Tensor input, long[] window, long[] stride, long[] padding) =>
        !(is_grad_enabled() && input.requires_grad) && input.dim() == 4 && input.numel() > 0 && input.is_contiguous()
            && Enumerable.Range(0, 2).All(i => FirstIsInside(input.shape[2 + i], window[i], stride[i], padding[i]));

    // All windows have a pixel at the place of the padding's width, so the others can be compared with that one.
    private static bool FirstIsInside(long side, long window, long stride, long padding) =>
        Windows(side, window, stride, padding) is > 0 and var windows && (windows - 1) * stride < side && padding < window;

    private static long Windows(long side, long window, long stride, long padding) =>
        side + (2 * padding) < window ? 0 : ((side + (2 * padding) - window) / stride) + 1;

    private static Tensor Along(int dimension, Tensor input, long window, long stride, long padding)
    {
        long side = input.shape[dimension], windows = Windows(side, window, stride, padding);
        Tensor most = input.slice(dimension, 0, ((windows - 1) * stride) + 1, stride);
        bool own = false;
        // The places that all windows have come first: the largest of two is a new tensor, whose parts can be written to.
        foreach (var (first, count, begin) in Places().OrderByDescending(place => place.Count))
        {
            Tensor others = input.slice(dimension, begin, begin + ((count - 1) * stride) + 1, stride);
            if (count == windows)
            {
                (most, own) = (maximum(most, others), true);
                continue;
            }
            if (!own)
                (most, own) = (most.clone(), true);
            Tensor part = most.narrow(dimension, first, count);
            part.copy_(maximum(part, others));
        }
        return own ? most : most.contiguous();

        // Of each place in a window: the windows in which it is a pixel of the map, and the pixel of the first of them.
        IEnumerable<(long First, long Count, long Begin)> Places()
        {
            for (long place = 0; place < window; place++)
            {
                if (place == padding)
                    continue;
                long offset = place - padding, first = offset < 0 ? (-offset + stride - 1) / stride : 0;
                long last = Math.Min(windows - 1, (side - 1 - offset) / stride);
                if (offset < side && first <= last)
                    yield return (first, last - first + 1, offset + (first * stride));
            }
        }
    }
}
