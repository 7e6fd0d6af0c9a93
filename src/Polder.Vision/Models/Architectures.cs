namespace Polder.Vision.Models;

/// <summary>A built-in architecture: how to build it and what its inputs look like.</summary>
/// <param name="Name">The name on the command line and in checkpoints' metadata.</param>
/// <param name="Summary">One line for people.</param>
/// <param name="ImageSize">The side of its usual input in pixels; other sizes work, too.</param>
/// <param name="Channels">Channels of its input: 3 (RGB) or 1 (gray).</param>
/// <param name="Normalization">Mean and standard deviation that its inputs are normalized with.</param>
/// <param name="LearningRates">What it is trained with where nobody says otherwise.</param>
/// <param name="HeadName">The name of the linear head: its parameters are <c>{HeadName}.weight</c> and <c>{HeadName}.bias</c>.</param>
/// <param name="Builder">Builds it for a number of classes, with weights from the library's global generator.</param>
public sealed record Architecture(
    string Name, string Summary, int ImageSize, int Channels, Normalization Normalization, LearningRates LearningRates, string HeadName,
    Func<int, ImageClassifier> Builder)
{
    /// <summary>
    /// Its weights that are published on the web, the file's name there and what they are (<see cref="Weights.PublishedWeights"/>); null: none.
    /// </summary>
    public (string FileName, string Summary)? Published { get; init; }

    /// <summary>
    /// The memory layout in which its float32 training steps take less time (bench/RESULTS.md); with bf16 every network's is channels last.
    /// </summary>
    public MemoryLayout Layout { get; init; }

    /// <summary>How many numbers a checkpoint of it has at least: one with fewer is refused before the network is made.</summary>
    internal long LeastElements { get; init; }

    /// <summary>The names of the head's parameters, which a checkpoint for other classes does not fill.</summary>
    public IReadOnlyList<string> HeadParameters => [$"{HeadName}.weight", $"{HeadName}.bias"];

    /// <summary>Builds the network; every weight is a function of the seed.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    /// <param name="seed">The seed of the start.</param>
    public ImageClassifier Build(int classes, long seed)
    {
        ImageClassifier model = Builder(classes);
        model.Initialize(seed);
        return model;
    }
}

/// <summary>The built-in architectures by name.</summary>
public static class Architectures
{
    // Chosen by docs/results/learning-rates.md.
    private static readonly LearningRates CifarRates = new(FineTuning: 0.03, Head: 1, Scratch: 0.03, Adaptive: 0.003);
    private static readonly LearningRates LargeRates = new(FineTuning: 0.01, Head: 0.1, Scratch: 0.03, Adaptive: 0.0003);

    /// <summary>All of them, small to large within a family.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new("digits-cnn", "three convolutions for 8 x 8 gray digits", 8, 1, Normalization.ImageNetGray, CifarRates, "fc", classes => new SmallConvNet(classes)),
        Cifar(20), Cifar(32), Cifar(44), Cifar(56), Cifar(110),
        Cifar(20, projects: true), Cifar(32, projects: true), Cifar(44, projects: true), Cifar(56, projects: true), Cifar(110, projects: true),
        new("imagenet-resnet18", "18 layers and a third block in the last stage, pre-trained on ImageNet: it comes with the program", 224, 3,
            Normalization.ImageNet, LargeRates, "fc", ResNet.ImageNetResNet18),
        Large("resnet18", "18 layers, basic blocks", ResNet.ResNet18, "f37072fd", "69.8 %"),
        Large("resnet34", "34 layers, basic blocks", ResNet.ResNet34, "b627a593", "73.3 %"),
        Large("resnet50", "50 layers, bottlenecks", ResNet.ResNet50, "0676ba61", "76.1 %"),
        Large("resnet101", "101 layers, bottlenecks", ResNet.ResNet101, "63fe2227", "77.4 %"),
        Large("resnet152", "152 layers, bottlenecks", ResNet.ResNet152, "394f9c45", "78.3 %"),
        Large("wide_resnet50_2", "50 layers, bottlenecks twice as wide", ResNet.WideResNet50, "95faca4d", "78.5 %"),
        Large("resnext50_32x4d", "50 layers, bottlenecks of 32 groups", ResNet.ResNeXt50, "7cdf4587", "77.6 %"),
    ];

    /// <summary>The architecture of that name.</summary>
    /// <param name="name">A name of <see cref="All"/>, in any case.</param>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those there are.</exception>
    public static Architecture Get(string name) => Find(name) ?? throw new ArgumentException(
        $"no architecture is called '{name}'; there are {string.Join(", ", All.Select(a => a.Name))}", nameof(name));

    /// <summary>The architecture of that name, or null.</summary>
    /// <param name="name">A name, in any case.</param>
    public static Architecture? Find(string name) => name == ForeignNetworks.Name ? ForeignNetworks.Usual
        : All.FirstOrDefault(a => a.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static Architecture Cifar(int depth, bool projects = false) => new(
        $"resnet{depth}{(projects ? "b" : "")}", $"CIFAR ResNet, {depth} layers, {(projects ? "projections as" : "parameter-free")} shortcuts", 32, 3,
        Normalization.ImageNet, CifarRates, projects ? "fc" : "linear", classes => new CifarResNet(depth, classes, projects))
    { Layout = MemoryLayout.ChannelsLast };

    // torchvision's first edition of weights; the accuracies are torchvision's own.
    private static Architecture Large(string name, string summary, Func<int, ImageClassifier> builder, string hash, string accuracy) =>
        new(name, summary, 224, 3, Normalization.ImageNet, LargeRates, "fc", builder) { Published = ($"{name}-{hash}.pth", $"ImageNet-1K, {accuracy}") };
}
