using Polder.Checkpoints;
using Polder.Objectives;
using Polder.Testing;
using Polder.Vision.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

public class ResNetTests
{
    [Theory] // Of torchvision's published table; of the CIFAR family counted by hand from the layers' shapes.
    [InlineData("resnet18", 1000, 11_689_512)]
    [InlineData("resnet34", 1000, 21_797_672)]
    [InlineData("resnet50", 1000, 25_557_032)]
    [InlineData("resnext50_32x4d", 1000, 25_028_904)]
    [InlineData("wide_resnet50_2", 1000, 68_883_240)]
    [InlineData("resnet20", 10, 269_722)]
    [InlineData("resnet56", 10, 853_018)]
    [InlineData("resnet20b", 10, 272_474)] // two projections more: 16 x 32 + 2 x 32 and 32 x 64 + 2 x 64
    public void An_architecture_has_the_published_number_of_parameters(string name, int classes, long count)
    {
        using ImageClassifier model = Architectures.Get(name).Builder(classes);
        Assert.Equal(count, model.parameters().Sum(p => p.numel()));
    }

    [Theory]
    [InlineData("resnet20")]
    [InlineData("resnet32")]
    [InlineData("resnet44")]
    [InlineData("resnet56")]
    [InlineData("resnet20b")]
    [InlineData("resnet32b")]
    public void Cifar_logits_equal_a_naive_implementation(string name)
    {
        using ImageClassifier model = Randomised(name, 10);
        double[,,] image = RandomImage(32);
        AssertClose(new NaiveNetwork(model).Cifar(image), Logits(model, image));
    }

    [Theory]
    [InlineData("resnet20", "resnet20-12fca82f.th")]
    [InlineData("resnet32", "resnet32-d509ac18.th")]
    [InlineData("resnet44", "resnet44-014dd654.th")]
    [InlineData("resnet56", "resnet56-4bfd9763.th")]
    [InlineData("resnet20b", "pyhessian-resnet20.pkl")]
    public void Cifar_logits_of_published_weights_equal_a_naive_implementation(string name, string file)
    {
        using ImageClassifier model = Architectures.Get(name).Build(10, 0);
        using (Checkpoint checkpoint = Checkpoint.Load(SharedFiles.Require("checkpoints", "resnet-cifar10", file)))
            checkpoint.Into(model);
        model.to(ScalarType.Float64);
        model.eval();
        double[,,] image = RandomImage(32);
        AssertClose(new NaiveNetwork(model).Cifar(image), Logits(model, image));
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    [InlineData("resnext50_32x4d")]
    public void ImageNet_logits_equal_a_naive_implementation(string name)
    {
        using ImageClassifier model = Randomised(name, 7);
        double[,,] image = RandomImage(37);
        AssertClose(new NaiveNetwork(model).ImageNet(image), Logits(model, image));
    }

    [Fact]
    public void Names_are_those_of_the_published_checkpoints()
    {
        using ImageClassifier cifar = CifarResNet.ResNet20(), large = ResNet.ResNet18(classes: 12);
        string[] names = [.. cifar.state_dict().Keys];
        Assert.Equal(["conv1.weight", "bn1.weight", "bn1.bias"], names.Take(3));
        Assert.Contains("layer1.0.conv1.weight", names);
        Assert.Contains("layer3.2.bn2.running_var", names);
        Assert.Equal(["linear.weight", "linear.bias"], cifar.named_parameters().Select(p => p.name).TakeLast(2));
        Assert.DoesNotContain(names, n => n.Contains("downsample"));
        string[] others = [.. large.state_dict().Keys];
        Assert.Contains("layer2.0.downsample.0.weight", others);
        Assert.Contains("layer2.0.downsample.1.running_mean", others);
        Assert.DoesNotContain("layer1.0.downsample.0.weight", others);
        Assert.Equal(122, others.Length); // torchvision's resnet18 state dict
        Assert.Equal([12, 512], large.state_dict()["fc.weight"].shape);
        Assert.Equal(others.Length, others.Distinct().Count());
    }

    [Theory]
    [InlineData(7)]
    [InlineData(21)]
    public void A_depth_outside_the_family_is_refused(int depth) =>
        Assert.Contains("6n + 2", Assert.Throws<ArgumentOutOfRangeException>(() => new CifarResNet(depth, 10)).Message);

    [Fact]
    public void Second_derivatives_pass_through_the_blocks()
    {
        // v'Hv against the central difference of the gradient along v, in float64.
        using var scope = NewDisposeScope();
        using ImageClassifier model = Architectures.Get("resnet20").Build(3, 5);
        model.to(ScalarType.Float64);
        model.eval();
        using var generator = new Generator(1);
        Tensor images = randn([2, 3, 16, 16], ScalarType.Float64, CPU, generator: generator), labels = tensor(new long[] { 0, 2 });
        Parameter weight = model.get_parameter("layer2.0.conv1.weight")!;
        Tensor direction = randn(weight.shape, ScalarType.Float64, CPU, generator: generator);
        Tensor Gradient(bool graph)
        {
            foreach (Parameter p in model.parameters())
                p.grad = null;
            Tensor loss = nn.functional.cross_entropy(model.forward(images)!, labels)!;
            autograd.backward([loss], create_graph: graph, retain_graph: graph);
            Tensor gradient = weight.grad!;
            weight.grad = null;
            return gradient;
        }

        Tensor product = (Gradient(graph: true) * direction).sum();
        product.backward(); // libtorch warns of a reference cycle once; the gradients are taken away, so there is none
        double curvature = (weight.grad! * direction).sum().item<double>();
        const double Step = 1e-6;
        using (no_grad())
            weight.add_(direction, Step);
        Tensor ahead = Gradient(graph: false).clone();
        using (no_grad())
            weight.add_(direction, -2 * Step);
        Tensor behind = Gradient(graph: false);
        double difference = ((ahead - behind) * direction).sum().item<double>() / (2 * Step);
        Assert.NotEqual(0, curvature);
        Assert.InRange(curvature / difference, 1 - 1e-5, 1 + 1e-5);
    }

    [Theory] // Between them every place where a convolution meets BatchNorm.
    [InlineData("digits-cnn", 1)]
    [InlineData("resnet20", 3)]
    [InlineData("resnet18", 3)]
    [InlineData("resnext50_32x4d", 3)]
    public void What_curvature_is_measured_of_is_the_network_in_evaluation_mode(string name, int channels)
    {
        using var scope = NewDisposeScope();
        using ImageClassifier model = Randomised(name, 3);
        using var generator = new Generator(1);
        Tensor images = randn([2, channels, 32, 32], ScalarType.Float64, CPU, generator: generator), labels = tensor(new long[] { 0, 2 });
        EmpiricalLoss loss = EmpiricalLoss.Of(model, [(images, labels)], (logits, targets) => nn.functional.cross_entropy(logits, targets));
        Tensor measured = loss.Gradient();
        Assert.False(LossMeasurement.IsUnderWay);
        Tensor plain = nn.functional.cross_entropy(model.call(images), labels);
        plain.backward();
        Tensor gradient = cat([.. model.parameters().Select(p => p.grad!.flatten())]);
        Assert.InRange((measured - gradient).norm().item<double>() / gradient.norm().item<double>(), 0, 1e-12);
        Assert.InRange(loss.Value() / plain.item<double>(), 1 - 1e-12, 1 + 1e-12);
    }

    [Theory]
    [InlineData(true, false, false, 1)]
    [InlineData(true, true, false, 2)]
    [InlineData(false, true, false, 2)]
    [InlineData(false, false, false, 3)]
    [InlineData(true, false, true, 4)]
    [InlineData(false, true, true, 4)]
    public void The_learning_rate_follows_start_frozen_body_and_optimizer(bool pretrained, bool headAlone, bool adaptive, double rate) =>
        Assert.Equal(rate, new LearningRates(FineTuning: 1, Head: 2, Scratch: 3, Adaptive: 4).For(pretrained, headAlone, adaptive));

    private static ImageClassifier Randomised(string name, int classes)
    {
        ImageClassifier model = Architectures.Get(name).Build(classes, 11);
        model.to(ScalarType.Float64);
        model.eval();
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var generator = new Generator(2);
        foreach (BatchNorm2d norm in model.modules().OfType<BatchNorm2d>())
        {
            norm.running_mean!.normal_(0, 0.3, generator);
            norm.running_var!.uniform_(0.5, 1.5, generator);
            norm.weight!.uniform_(0.5, 1.5, generator);
            norm.bias!.normal_(0, 0.3, generator);
        }

        return model;
    }

    private static double[,,] RandomImage(int side)
    {
        var random = new Random(3);
        var image = new double[3, side, side];
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < side; i++)
                for (int j = 0; j < side; j++)
                    image[c, i, j] = random.NextDouble() * 4 - 2;
        return image;
    }

    private static double[] Logits(ImageClassifier model, double[,,] image)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        return model.forward(tensor(image.Cast<double>().ToArray()).reshape(1, image.GetLength(0), image.GetLength(1), image.GetLength(2)))
            .data<double>().ToArray();
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.InRange(actual[i], expected[i] - 1e-11 * scale, expected[i] + 1e-11 * scale);
    }
}
