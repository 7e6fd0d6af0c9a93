using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>
/// A network for tiny gray images such as the embedded digits (8 x 8): three 3 x 3 convolutions with BatchNorm (32, 64 and 64 channels, the second
/// with stride 2), global average, one linear layer. Channel counts are multiples of 16: some processors get float32 convolutions of other
/// counts wrong.
/// </summary>
public sealed class SmallConvNet : ImageClassifier
{
    /// <summary>Makes the network with weights from the library's global generator.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    /// <param name="channels">Channels of the input: 1 (gray) or 3.</param>
    /// <param name="activation">What follows the convolutions. Checkpoints and architectures know the rectifier alone.</param>
    public SmallConvNet(int classes, int channels = 1, Activation activation = Activation.Relu)
        : base("digits-cnn", channels, features: 64, classes, "fc")
    {
        Require.That(channels is 1 or 3, channels, "1 (gray) or 3");
        Require.Known(activation);
        Conv2d[] convolutions = [Layers.Convolution3(channels, 32), Layers.Convolution3(32, 64, stride: 2), Layers.Convolution3(64, 64)];
        BatchNorm2d[] norms = [BatchNorm2d(32), BatchNorm2d(64), BatchNorm2d(64)];
        for (int layer = 0; layer < 3; layer++)
        {
            register_module($"conv{layer + 1}", convolutions[layer]);
            register_module($"bn{layer + 1}", norms[layer]);
        }

        Stages =
        [
            .. convolutions.Zip(norms, (convolution, norm) =>
                new BodyStage(input => Layers.Activate(activation, Layers.ConvolutionNorm(convolution, norm, input)), convolution, norm)),
            new(Layers.GlobalAverage),
        ];
        RegisterHead();
    }

    /// <inheritdoc/>
    public override Tensor Features(Tensor images) => Through(.., images);

    /// <inheritdoc/>
    protected internal override IReadOnlyList<BodyStage> Stages { get; }
}
