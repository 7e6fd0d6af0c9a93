using Polder.Vision.Models;
using Polder.Vision.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

public class LayerGroupsTests
{
    [Theory]
    [InlineData("digits-cnn", "conv1 conv2 conv3 fc")]
    [InlineData("resnet20", "conv1 layer1.0 layer1.1 layer1.2 layer2.0 layer2.1 layer2.2 layer3.0 layer3.1 layer3.2 linear")]
    [InlineData("resnet18", "conv1 layer1.0 layer1.1 layer2.0 layer2.1 layer3.0 layer3.1 layer4.0 layer4.1 fc")]
    public void A_layer_is_a_convolution_a_block_or_the_head(string name, string layers)
    {
        using ImageClassifier model = Architectures.Get(name).Build(3, 1);
        model.ReplaceHead(4, 2);
        IReadOnlyList<LayerGroup> groups = LayerGroups.Of(model);
        Assert.Equal(layers.Split(' '), groups.Select(g => g.Name));
        Assert.Equal(Enumerable.Range(0, groups.Count).Reverse(), groups.Select(g => g.Height));
        // One after another they are the module's own order, which numbers the noise.
        Assert.Equal(model.parameters().Select(p => p.Handle), groups.SelectMany(g => g.Parameters).Select(p => p.Handle));
        Assert.Equal(model.HeadParameters.Select(p => p.Handle), groups[^1].Parameters.Select(p => p.Handle));
    }

    // With gradients of one: SGD moves by v = 0.9 v + (1 + decay W), Adam by its rate at first, whatever the gradient's size.
    [Fact]
    public void Every_group_moves_at_its_own_rate_with_the_momentum_and_decay_of_all()
    {
        using var scope = NewDisposeScope();
        using var model = new SmallConvNet(3);
        model.Initialize(1);
        var options = new TrainingOptions { LearningRate = 0.1, Momentum = 0.9, WeightDecay = 0.5, LayerDecay = 0.5 };
        using OptimizerHelper sgd = options.CreateOptimizer(model);
        Assert.Equal([0.0125, 0.025, 0.05, 0.1], sgd.ParamGroups.Select(g => g.LearningRate));
        double[] expected = [.. LayerGroups.Of(model).Select(g => (double)First(g))];
        double[] velocity = new double[4], rates = [0.0125, 0.025, 0.05, 0.1];
        for (int step = 0; step < 2; step++)
        {
            Step(model, sgd);
            for (int i = 0; i < 4; i++)
            {
                velocity[i] = (0.9 * velocity[i]) + 1 + (0.5 * expected[i]);
                expected[i] -= rates[i] * velocity[i];
            }
        }
        foreach ((int i, LayerGroup group) in LayerGroups.Of(model).Index())
            Assert.Equal(expected[i], First(group), 1e-6);

        options.SetLearningRate(sgd, 0.4);
        Assert.Equal([0.05, 0.1, 0.2, 0.4], sgd.ParamGroups.Select(g => g.LearningRate));
    }

    [Theory]
    [InlineData("conv2.*,bn2.*", new[] { 0.0125, 0.05, 0.1 })]
    [InlineData("fc.*", new[] { 0.0125, 0.025, 0.05 })]
    public void A_frozen_layer_leaves_the_others_their_rates(string frozen, double[] rates)
    {
        using var scope = NewDisposeScope();
        using var model = new SmallConvNet(3);
        model.Freeze(frozen.Split(','));
        var options = new TrainingOptions { LearningRate = 0.1, LayerDecay = 0.5 };
        using OptimizerHelper sgd = options.CreateOptimizer(model);
        Assert.Equal(rates, sgd.ParamGroups.Select(g => g.LearningRate));
        options.SetLearningRate(sgd, 0.4);
        Assert.Equal(rates.Select(r => 4 * r), sgd.ParamGroups.Select(g => g.LearningRate));
    }

    [Theory]
    [InlineData(BaseOptimizer.Adam)]
    [InlineData(BaseOptimizer.AdamW)]
    public void Adam_moves_every_group_by_its_own_rate(BaseOptimizer optimizer)
    {
        using var scope = NewDisposeScope();
        using var model = new SmallConvNet(3);
        model.Initialize(1);
        using OptimizerHelper adam = new TrainingOptions { Optimizer = optimizer, LearningRate = 0.1, WeightDecay = 0, LayerDecay = 0.5 }
            .CreateOptimizer(model);
        float[] before = [.. LayerGroups.Of(model).Select(First)];
        Step(model, adam);
        double[] moves = [.. LayerGroups.Of(model).Select((g, i) => (double)before[i] - First(g))];
        Assert.Equal(0.0125, moves[0], 1e-6);
        Assert.Equal(0.025, moves[1], 1e-6);
        Assert.Equal(0.05, moves[2], 1e-6);
        Assert.Equal(0.1, moves[3], 1e-6);
    }

    private static void Step(ImageClassifier model, OptimizerHelper optimizer)
    {
        foreach (Parameter parameter in model.parameters())
            parameter.grad = ones_like(parameter);
        optimizer.step();
    }

    private static float First(LayerGroup group) => group.Parameters[0].detach().flatten()[0].item<float>();
}
