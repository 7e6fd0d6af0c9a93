using Polder.Vision.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

public class ImageClassifierTests
{
    [Fact]
    public void The_start_is_a_function_of_the_seed()
    {
        using ImageClassifier first = Architectures.Get("resnet20").Build(10, 4), again = Architectures.Get("resnet20").Build(10, 4);
        using ImageClassifier other = Architectures.Get("resnet20").Build(10, 5);
        float[] Values(ImageClassifier model) => [.. model.parameters().SelectMany(p => p.detach().flatten().data<float>().ToArray())];
        Assert.Equal(Values(first), Values(again));
        Assert.NotEqual(Values(first), Values(other));
    }

    [Fact]
    public void A_replaced_head_is_seeded_and_carries_the_head_parameters_name()
    {
        using ImageClassifier model = CifarResNet.ResNet20(), twin = CifarResNet.ResNet20();
        float[] body = [.. model.BodyParameters.First().detach().flatten().data<float>()];
        model.ReplaceHead(4, seed: 9);
        twin.ReplaceHead(4, seed: 9);
        Assert.Equal(4, model.Classes);
        Assert.Equal([4, 64], model.state_dict()["linear.weight"].shape);
        Assert.Equal(["linear.weight", "linear.bias"], model.named_parameters().Select(p => p.name).TakeLast(2));
        Assert.Equal(model.Head.weight!.detach().flatten().data<float>().ToArray(), twin.Head.weight!.detach().flatten().data<float>().ToArray());
        Assert.InRange(model.Head.weight!.abs().max().item<float>(), 0.05f, 1 / 8f); // uniform in +-1/sqrt(64)
        Assert.Equal(body, model.BodyParameters.First().detach().flatten().data<float>().ToArray());
        Assert.Equal(2, model.HeadParameters.Count());
        using var images = zeros(2, 3, 32, 32);
        Assert.Equal([2, 4], model.forward(images).shape);
    }

    [Fact]
    public void A_replaced_head_lives_on_after_the_dispose_scope_that_made_it()
    {
        using var model = new SmallConvNet(5);
        using (NewDisposeScope())
            model.ReplaceHead(3, 0);
        Assert.Equal([2, 3], model.forward(zeros(2, 1, 8, 8)).shape);
    }

    [Fact]
    public void The_logits_are_the_head_of_the_features()
    {
        using var model = new SmallConvNet(5);
        model.eval();
        using var images = rand(3, 1, 8, 8);
        using Tensor features = model.Features(images);
        Assert.Equal([3, model.FeatureCount], features.shape);
        Assert.Equal(model.forward(images).data<float>().ToArray(), model.Head.forward(features).data<float>().ToArray());
    }

    [Theory]
    [InlineData("digits-cnn", 8)]
    [InlineData("resnet20", 16)]
    [InlineData("resnet18", 32)]
    [InlineData("resnet50", 32)]
    public void A_body_is_its_stages_one_after_another(string name, int size)
    {
        using var scope = NewDisposeScope();
        using ImageClassifier model = Architectures.Get(name).Build(3, 1);
        model.eval();
        Assert.Equal(model.BodyParameters, model.Stages.SelectMany(s => s.Modules).SelectMany(m => m.parameters()), ReferenceEqualityComparer.Instance);
        using Tensor images = rand(2, model.Channels, size, size), features = model.Features(images);
        byte[] pixels = images.bytes.ToArray();
        float[] logits = model.call(images).data<float>().ToArray();
        for (int cut = 0; cut <= model.Stages.Count; cut++)
        {
            Tensor hidden = model.Through(..cut, images);
            Assert.Equal(features.data<float>().ToArray(), model.Through(cut.., hidden).data<float>().ToArray());
            Assert.Equal(logits, model.CallAfter(cut, hidden).data<float>().ToArray());
        }
        Assert.Equal(pixels, images.bytes.ToArray());
    }

    [Fact]
    public void A_frozen_body_gets_no_gradient_and_thaws()
    {
        using var model = new SmallConvNet(5);
        model.FreezeBody();
        model.forward(rand(3, 1, 8, 8)).sum().backward();
        Assert.All(model.BodyParameters, p => Assert.Null(p.grad));
        Assert.All(model.HeadParameters, p => Assert.NotNull(p.grad));
        model.FreezeBody(false);
        Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
    }

    [Theory]
    [InlineData("resnet20", 3, 16)]
    [InlineData("resnet18", 3, 32)]
    [InlineData("digits-cnn", 1, 8)]
    public void A_pass_leaves_its_result_and_nothing_else(string name, int channels, int side)
    {
        using ImageClassifier model = Architectures.Get(name).Build(5, 0);
        using var images = rand(2, channels, side, side);
        using DisposeScope scope = NewDisposeScope(); // catches what this thread makes, whatever other tests do meanwhile
        using Tensor logits = model.forward(images);
        Assert.Equal(1, scope.DisposablesCount);
    }

    [Fact]
    public void The_digits_network_computes_right_in_float32_on_this_machine()
    {
        // Channel counts that some processors get wrong would show here: outputs and gradients against float64.
        using var scope = NewDisposeScope();
        using ImageClassifier single = Architectures.Get("digits-cnn").Build(5, 0), twin = Architectures.Get("digits-cnn").Build(5, 0);
        twin.to(ScalarType.Float64);
        // Seeded: where a rectifier's input is a rounding error from 0, the two gradients differ by more than rounding.
        using var generator = new Generator(0);
        for (int draw = 0; draw < 20; draw++)
        {
            using var inner = NewDisposeScope();
            Tensor images = randn([8, 1, 8, 8], generator: generator), labels = randint(0, 5, [8], ScalarType.Int64, generator: generator);
            single.zero_grad();
            twin.zero_grad();
            nn.functional.cross_entropy(single.forward(images), labels).backward();
            nn.functional.cross_entropy(twin.forward(images.to(ScalarType.Float64)), labels).backward();
            foreach ((Parameter p, Parameter q) in single.parameters().Zip(twin.parameters()))
            {
                double error = (p.grad!.to(ScalarType.Float64) - q.grad!).norm().item<double>();
                Assert.True(error <= 1e-4 * (1e-2 + q.grad!.norm().item<double>()), $"draw {draw}: gradient off by {error}");
            }
        }
    }

    [Fact]
    public void An_unknown_architecture_lists_those_there_are()
    {
        string message = Assert.Throws<ArgumentException>(() => Architectures.Get("resnet19")).Message;
        Assert.Contains("'resnet19'", message);
        Assert.Contains("resnet20", message);
        Assert.Equal("resnet18", Architectures.Get("ResNet18").Name);
        Assert.Throws<ArgumentOutOfRangeException>(() => CifarResNet.ResNet20(1));
    }

    [Fact]
    public void Head_parameters_of_the_registry_are_in_the_networks()
    {
        foreach (Architecture architecture in Architectures.All.Take(7))
        {
            using ImageClassifier model = architecture.Builder(3);
            Assert.Equal(architecture.HeadParameters, model.named_parameters().Select(p => p.name).TakeLast(2));
            Assert.Equal(architecture.Channels, model.Channels);
            Assert.Equal(architecture.Normalization.Channels, model.Channels);
        }
    }
}
