using Polder.Curvature;
using Polder.Generalization;
using Polder.Parameters;
using Polder.Testing;
using Polder.Tests.Flatness;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Generalization;

public class DistanceMeasureTests
{
    private static readonly ParameterBlock[] Layers = [new("a", 0, 6), new("b", 6, 4)];

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Whole_and_layers_are_the_quadratic_forms(int productsAtOnce)
    {
        using var problem = new QuadraticLoss();
        using var scope = NewDisposeScope();
        using ParameterVector start = WeightDistance.StartOf(problem.Space, [full([3, 2], 0.5, ScalarType.Float64), ones(4, ScalarType.Float64)]);
        Tensor difference = DistanceMeasure.Difference(problem.Space, start);
        Tensor d = problem.Weights().sub(cat([full(6, 0.5, ScalarType.Float64), ones(4, ScalarType.Float64)]));
        Hessian hessian = Hessian.Of([problem.First, problem.Second], problem.Loss);
        DistanceMeasureResult result = DistanceMeasure.Of(hessian, difference, Layers, productsAtOnce);
        Assert.Equal(problem.Hessian.mv(d).dot(d).ToDouble(), result.Value, 1e-12);
        Assert.Equal(2, result.Products);
        foreach ((LayerDistance layer, ParameterBlock block) in result.Layers.Zip(Layers))
        {
            Tensor part = d.narrow(0, block.Offset, block.Count);
            Tensor inner = problem.Hessian.narrow(0, block.Offset, block.Count).narrow(1, block.Offset, block.Count);
            Assert.Equal(inner.mv(part).dot(part).ToDouble(), layer.Curvature, 1e-12);
            Assert.Equal(part.norm().ToDouble(), layer.Distance, 1e-13);
        }
        // f at the start from f at W: f(W0) = f(W) - g'd + d'Hd / 2, exactly on a quadratic.
        double expected = problem.Value() - problem.Gradient().dot(d).ToDouble() + (result.Value / 2);
        problem.Space.Restore(start);
        Assert.Equal(expected, problem.Value(), 1e-12);
    }

    [Fact]
    public void Wrong_input_is_named_and_nothing_leaks()
    {
        using var problem = new QuadraticLoss();
        using var scope = NewDisposeScope();
        Hessian hessian = Hessian.Of([problem.First, problem.Second], problem.Loss);
        Tensor difference = ones(10, ScalarType.Float64);
        Assert.Contains("[10]", Assert.Throws<ArgumentException>(() => DistanceMeasure.Of(hessian, ones(9, ScalarType.Float64), Layers)).Message);
        Assert.Contains("layer c is 8 to 12", Assert.Throws<ArgumentException>(() => DistanceMeasure.Of(hessian, difference, [new("c", 8, 4)])).Message);
        LiveTensors.AssertSteady(() => DistanceMeasure.Of(hessian, difference, Layers));
    }
}
