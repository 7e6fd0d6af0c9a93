namespace Polder.Onnx.Tests;

/// <summary>A small network of every family, with weights and statistics that no layer can be left out of unseen.</summary>
internal static class Networks
{
    public static readonly string[] Families = ["digits-cnn", "resnet20", "resnet20b", "basic", "bottleneck", "wide", "groups"];

    /// <summary>A classifier of three classes.</summary>
    public static TrainedClassifier Make(string family, Normalization? normalization = null, ImageFit fit = ImageFit.Crop)
    {
        (ImageClassifier network, int size) = family switch
        {
            "basic" => (new ResNet("basic", new ResNetShape([1, 2, 1, 1]), 3), 40),
            "bottleneck" => (new ResNet("bottleneck", new ResNetShape([1, 1, 1, 1], Bottleneck: true), 3), 40),
            "wide" => (new ResNet("wide", new ResNetShape([1, 1, 1, 1], Bottleneck: true, GroupWidth: 128), 3), 33),
            "groups" => (new ResNet("groups", new ResNetShape([1, 1, 1, 1], Bottleneck: true, Groups: 32, GroupWidth: 4), 3), 32),
            "digits-cnn" => (new SmallConvNet(3), 8),
            _ => (Architectures.Get(family).Build(3, 1), 20),
        };
        network.Initialize(1);
        using IDisposable noGrad = no_grad();
        using var generator = new Generator(5);
        foreach (BatchNorm2d norm in network.modules().OfType<BatchNorm2d>())
        {
            norm.running_mean!.normal_(0, 0.1, generator);
            norm.running_var!.uniform_(0.5, 1.5, generator);
            norm.weight!.uniform_(0.6, 1.2, generator);
            norm.bias!.normal_(0, 0.1, generator);
        }
        network.eval();
        return new TrainedClassifier(network, family, size, normalization ?? (network.Channels == 1 ? Normalization.ImageNetGray : Normalization.ImageNet),
            ["it's", "b\\ü", "c"])
        { Fit = fit };
    }

    /// <summary>Pixels of a batch, N x channels x side x side.</summary>
    public static float[] Pixels(TrainedClassifier classifier, int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count * classifier.Network.Channels * classifier.ImageSize * classifier.ImageSize).Select(_ => (float)random.Next(256))];
    }

    /// <summary>What the network itself makes of inputs.</summary>
    public static float[][] Logits(TrainedClassifier classifier, float[] inputs, int count)
    {
        using IDisposable noGrad = no_grad();
        using Tensor x = tensor(inputs, [count, classifier.Network.Channels, classifier.ImageSize, classifier.ImageSize]);
        using Tensor logits = classifier.Network.call(x);
        return [.. logits.data<float>().ToArray().Chunk(classifier.Network.Classes)];
    }
}
