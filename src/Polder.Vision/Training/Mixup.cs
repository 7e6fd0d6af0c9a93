using Polder.Vision.Data;
using static TorchSharp.torch;

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
        int[] order = [.. Enumerable.Range(0, checked((int)images.shape[0]))];
        random.Shuffle(order);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor index = tensor(order.Select(i => (long)i).ToArray());
        Tensor mixed = images.mul(share).add_(images.index_select(0, index).mul_(1 - share));
        return new Mixup(mixed.DetachFromDisposeScope(), labels.index_select(0, index).DetachFromDisposeScope(), share);
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
