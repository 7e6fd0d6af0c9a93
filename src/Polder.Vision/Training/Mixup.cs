namespace Polder.Vision.Training;

/// <summary>
/// Mixup (Zhang, Cisse, Dauphin and Lopez-Paz, 2018): the images of a batch are mixed with those of a random permutation of it,
/// x = lambda x_i + (1 - lambda) x_j, lambda from Beta(alpha, alpha), one lambda a batch; the loss is mixed alike. Made once a step, before
/// the probes, so that all of them see the same images.
/// </summary>
internal sealed class Mixup : IDisposable
{
    private readonly Tensor _labels;

    private Mixup(Tensor images, Tensor labels, double share) => (Images, _labels, Share) = (images, labels, share);

    /// <summary>The mixed images, of the batch's shape.</summary>
    public Tensor Images { get; }

    /// <summary>lambda: the share of the image's own label.</summary>
    public double Share { get; }

    /// <summary>Mixes a batch.</summary>
    /// <param name="images">N x channels x height x width; they stay as they are.</param>
    /// <param name="labels">N class numbers.</param>
    /// <param name="alpha">The shape of the beta distribution, above 0.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="step">The step: with the seed it decides permutation and lambda.</param>
    public static Mixup Of(Tensor images, Tensor labels, double alpha, long seed, long step)
    {
        var random = new CounterRandom(seed, RandomPurpose.Mixup, step);
        double share = random.Beta(alpha);
        long[] partners = Partners(ref random, images);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor index = tensor(partners);
        Tensor mixed = images.mul(Number(share)).add_(images.index_select(0, index).mul_(Number(1 - share)));
        return new Mixup(mixed.DetachFromDisposeScope(), labels.index_select(0, index).DetachFromDisposeScope(), share);
    }

    /// <summary>
    /// CutMix (Yun, Han, Oh, Chun, Choe and Yoo, 2019): a rectangle of each image is replaced by that of another of the batch, its share of the
    /// area 1 - lambda before it is cut at the border, lambda from Beta(alpha, alpha), one rectangle a batch; the loss is mixed by the true share.
    /// </summary>
    /// <param name="images">N x channels x height x width; they stay as they are.</param>
    /// <param name="labels">N class numbers.</param>
    /// <param name="alpha">The shape of the beta distribution, above 0.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="step">The step: with the seed it decides permutation and rectangle.</param>
    public static Mixup Cut(Tensor images, Tensor labels, double alpha, long seed, long step)
    {
        var random = new CounterRandom(seed, RandomPurpose.CutMix, step);
        double side = Math.Sqrt(1 - random.Beta(alpha));
        long[] partners = Partners(ref random, images);
        int height = checked((int)images.shape[2]), width = checked((int)images.shape[3]);
        (int top, int bottom) = Side(ref random, height, side);
        (int left, int right) = Side(ref random, width, side);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor index = tensor(partners);
        Tensor mixed = images.clone();
        if (bottom > top && right > left)
            mixed[.., .., top..bottom, left..right] = images.index_select(0, index)[.., .., top..bottom, left..right];
        double share = 1 - (double)(bottom - top) * (right - left) / ((double)height * width);
        return new Mixup(mixed.DetachFromDisposeScope(), labels.index_select(0, index).DetachFromDisposeScope(), share);

        // The centre lies anywhere in the image, so rectangles at the border are smaller.
        static (int, int) Side(ref CounterRandom random, int length, double share)
        {
            int centre = random.Below(length), half = (int)(length * share) / 2;
            return (Math.Max(0, centre - half), Math.Min(length, centre + half));
        }
    }

    private static long[] Partners(ref CounterRandom random, Tensor images)
    {
        int[] order = [.. Enumerable.Range(0, checked((int)images.shape[0]))];
        random.Shuffle(order);
        return Array.ConvertAll(order, i => (long)i);
    }

    /// <summary>The mixed loss.</summary>
    /// <param name="loss">The mean loss of the batch for some labels.</param>
    /// <param name="labels">The batch's own labels.</param>
    public Tensor Loss(Func<Tensor, Tensor> loss, Tensor labels) => (Share * loss(labels)) + ((1 - Share) * loss(_labels));

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        _labels.Dispose();
    }
}
