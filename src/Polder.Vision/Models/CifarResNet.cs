using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>
/// The small residual networks of He et al. 2016, section 4.2, for images of about 32 pixels: a 3 x 3 stem of 16 channels, three stages of n blocks
/// with 16, 32 and 64 channels, shortcuts without parameters (option A) or by projection (option B), global average, one linear layer; depth 6n + 2.
/// Parameters are called <c>conv1</c>, <c>bn1</c>, <c>layer1.0.conv1</c> ... <c>linear</c>; with projections, as their checkpoints have it,
/// <c>layer2.0.downsample.0</c> ... <c>fc</c>.
/// </summary>
public sealed class CifarResNet : ImageClassifier
{
    /// <summary>A network of any depth of the family, with weights from the library's global generator.</summary>
    /// <param name="depth">Number of layers with weights: 6n + 2 for n = 1, 2, ...</param>
    /// <param name="classes">Number of classes, 2 or more.</param>
    /// <param name="projects">Whether shortcuts between stages are 1 x 1 convolutions with BatchNorm (option B).</param>
    public CifarResNet(int depth, int classes, bool projects = false)
        : base($"resnet{depth}{(projects ? "b" : "")}", channels: 3, features: 64, classes, projects ? "fc" : "linear")
    {
        Require.That(depth >= 8 && (depth - 2) % 6 == 0, depth, "6n + 2, as for every CIFAR ResNet: 8, 14, 20, 32, 44, 56, 110, ...");
        Conv2d stem = Layers.Convolution3(3, 16);
        BatchNorm2d stemNorm = BatchNorm2d(16);
        register_module("conv1", stem);
        register_module("bn1", stemNorm);
        List<BodyStage> parts = [new(images => Layers.ConvolutionNormRelu(stem, stemNorm, images), stem, stemNorm)];
        int channels = 16;
        for (int stage = 0; stage < 3; stage++)
        {
            int output = 16 << stage;
            var blocks = new List<(string, Module<Tensor, Tensor>)>();
            for (int block = 0; block < (depth - 2) / 6; block++)
            {
                IShortcut? shortcut = channels == output ? null
                    : projects ? new ProjectionShortcut(channels, output, stride: 2) : new PaddedShortcut(output / 4);
                blocks.Add(($"{block}", new BasicBlock(channels, output, channels == output ? 1 : 2, shortcut)));
                channels = output;
            }

            register_module($"layer{stage + 1}", Sequential(blocks));
            parts.AddRange(blocks.Select(block => new BodyStage(block.Item2.call, block.Item2)));
        }

        Stages = [.. parts, new(Layers.GlobalAverage)];
        RegisterHead();
    }

    /// <summary>ResNet-20: 0.27 million parameters.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static CifarResNet ResNet20(int classes = 10) => new(20, classes);

    /// <summary>ResNet-32: 0.46 million parameters.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static CifarResNet ResNet32(int classes = 10) => new(32, classes);

    /// <summary>ResNet-44: 0.66 million parameters.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static CifarResNet ResNet44(int classes = 10) => new(44, classes);

    /// <summary>ResNet-56: 0.85 million parameters.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static CifarResNet ResNet56(int classes = 10) => new(56, classes);

    /// <summary>ResNet-110: 1.7 million parameters.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static CifarResNet ResNet110(int classes = 10) => new(110, classes);

    /// <inheritdoc/>
    public override Tensor Features(Tensor images) => Through(.., images);

    /// <inheritdoc/>
    protected internal override IReadOnlyList<BodyStage> Stages { get; }
}
