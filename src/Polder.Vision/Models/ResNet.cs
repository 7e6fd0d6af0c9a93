using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>
/// The residual networks of He et al. 2016, section 4.1, in torchvision's topology and with its parameter names (<c>conv1</c>, <c>bn1</c>,
/// <c>layer1.0.conv1</c>, <c>layer2.0.downsample.0</c> ... <c>fc</c>), so that its published weights load: a 7 x 7 stem with max pooling, four
/// stages, shortcuts by projection where shapes differ, global average, one linear layer.
/// </summary>
public sealed class ResNet : ImageClassifier
{
    internal static readonly ResNetShape ImageNetShape = new([2, 2, 2, 3]);

    private readonly Conv2d _stem;
    private readonly BatchNorm2d _stemNorm;

    /// <summary>A network of the family, with weights from the library's global generator.</summary>
    /// <param name="name">The architecture's name, for messages.</param>
    /// <param name="shape">Blocks and widths.</param>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public ResNet(string name, ResNetShape shape, int classes)
        : base(name, channels: 3, features: (shape ?? throw new ArgumentNullException(nameof(shape))).Features, classes, "fc")
    {
        register_module("conv1", _stem = Conv2d(3, 64, 7, stride: 2, padding: 3, bias: false));
        register_module("bn1", _stemNorm = BatchNorm2d(64));
        List<BodyStage> parts = [new(Stem, _stem, _stemNorm)];
        int channels = 64;
        for (int stage = 0; stage < 4; stage++)
        {
            int planes = 64 << stage;
            int output = planes * (shape.Bottleneck ? BottleneckBlock.Expansion : 1);
            var blocks = new List<(string, Module<Tensor, Tensor>)>();
            for (int block = 0; block < shape.Blocks[stage]; block++)
            {
                int stride = block == 0 && stage > 0 ? 2 : 1;
                IShortcut? shortcut = stride == 1 && channels == output ? null : new ProjectionShortcut(channels, output, stride);
                blocks.Add(($"{block}", shape.Bottleneck
                    ? new BottleneckBlock(channels, planes * shape.GroupWidth / 64 * shape.Groups, output, stride, shape.Groups, shortcut)
                    : new BasicBlock(channels, output, stride, shortcut)));
                channels = output;
            }

            register_module($"layer{stage + 1}", Sequential(blocks));
            parts.AddRange(blocks.Select(block => new BodyStage(block.Item2.call, block.Item2)));
        }

        Stages = [.. parts, new(Layers.GlobalAverage)];
        RegisterHead();
    }

    /// <summary>ResNet-18: 11.7 million parameters with 1 000 classes.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet ResNet18(int classes = 1000) => new("resnet18", new ResNetShape([2, 2, 2, 2]), classes);

    /// <summary>
    /// ResNet-18 with a third block in the last stage, 15.9 million parameters without the head: the network whose ImageNet weights NuGet has
    /// (<see cref="Weights.PackagedWeights"/>).
    /// </summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet ImageNetResNet18(int classes = 1000) => new("imagenet-resnet18", ImageNetShape, classes);

    /// <summary>ResNet-34: 21.8 million parameters with 1 000 classes.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet ResNet34(int classes = 1000) => new("resnet34", new ResNetShape([3, 4, 6, 3]), classes);

    /// <summary>ResNet-50: 25.6 million parameters with 1 000 classes.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet ResNet50(int classes = 1000) => new("resnet50", new ResNetShape([3, 4, 6, 3], Bottleneck: true), classes);

    /// <summary>ResNet-101: 44.5 million parameters with 1 000 classes.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet ResNet101(int classes = 1000) => new("resnet101", new ResNetShape([3, 4, 23, 3], Bottleneck: true), classes);

    /// <summary>ResNet-152: 60.2 million parameters with 1 000 classes.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet ResNet152(int classes = 1000) => new("resnet152", new ResNetShape([3, 8, 36, 3], Bottleneck: true), classes);

    /// <summary>Wide ResNet-50-2 (Zagoruyko and Komodakis 2016): bottlenecks twice as wide, 68.9 million parameters with 1 000 classes.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet WideResNet50(int classes = 1000) =>
        new("wide_resnet50_2", new ResNetShape([3, 4, 6, 3], Bottleneck: true, GroupWidth: 128), classes);

    /// <summary>ResNeXt-50 32x4d (Xie et al. 2017): bottlenecks of 32 groups, 25.0 million parameters with 1 000 classes.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public static ResNet ResNeXt50(int classes = 1000) =>
        new("resnext50_32x4d", new ResNetShape([3, 4, 6, 3], Bottleneck: true, Groups: 32, GroupWidth: 4), classes);

    /// <inheritdoc/>
    public override Tensor Features(Tensor images) => Through(.., images);

    /// <inheritdoc/>
    protected internal override IReadOnlyList<BodyStage> Stages { get; }

    private Tensor Stem(Tensor images)
    {
        using Tensor stem = Layers.ConvolutionNormRelu(_stem, _stemNorm, images);
        return MaxPooling.Of(stem, window: 3, stride: 2, padding: 1);
    }
}

/// <summary>What the residual networks differ in.</summary>
/// <param name="Blocks">Blocks of each of the four stages.</param>
/// <param name="Bottleneck">True: three convolutions a block, the last with four times the stage's channels; false: two.</param>
/// <param name="Groups">Groups of the 3 x 3 convolution of a bottleneck.</param>
/// <param name="GroupWidth">Channels of a group in the first stage (64 channels): 64 with one group is the plain network.</param>
public sealed record ResNetShape(IReadOnlyList<int> Blocks, bool Bottleneck = false, int Groups = 1, int GroupWidth = 64)
{
    /// <summary>Length of the feature vector: 512, or 2 048 with bottlenecks.</summary>
    public int Features => Bottleneck ? 512 * BottleneckBlock.Expansion : 512;
}
