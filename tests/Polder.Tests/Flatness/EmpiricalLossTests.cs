using Polder.Flatness;
using Polder.Noise;
using Polder.Objectives;
using Polder.Parameters;
using Polder.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Flatness;

/// <summary>The measures of a loss over batches are those of the same loss written out by hand.</summary>
public class EmpiricalLossTests
{
    [Fact]
    public void Batches_of_unequal_size_are_one_function()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        var model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 3)).to(ScalarType.Float64);
        Tensor x = randn([10, 4], ScalarType.Float64), y = randint(3, [10], ScalarType.Int64);
        (Tensor, Tensor)[] batches = [(x.narrow(0, 0, 7), y.narrow(0, 0, 7)), (x.narrow(0, 7, 3), y.narrow(0, 7, 3))];
        var loss = EmpiricalLoss.Of(model, batches, (output, target) => nn.functional.cross_entropy(output, target));
        Tensor Whole()
        {
            model.eval(); // without dropout, as the loss over the data set is measured
            return nn.functional.cross_entropy(model.call(x), y);
        }
        double Value()
        {
            using var pass = NewDisposeScope();
            using var noGrad = no_grad();
            return Whole().ToDouble();
        }

        model.train();
        var noise = new PhiloxNoise(1);
        var options = new NoiseGapOptions { Sigmas = [0.1, 0.5], Draws = 3 };
        NoiseGapResult gap = NoiseGap.Measure(loss, noise, options);
        Assert.True(model.training);
        NoiseGapResult expected = NoiseGap.Measure(loss.Space, Value, noise, options);
        Assert.All(gap.Points.Zip(expected.Points), p => Assert.Equal(p.Second.Gap.Value, p.First.Gap.Value, 1e-14));

        var sharpness = new SharpnessOptions { Radius = 0.3, Draws = 3, Steps = 5 };
        Assert.Equal(AdaptiveSharpness.Average(loss.Space, Value, noise, sharpness).Value, AdaptiveSharpness.Average(loss, noise, sharpness).Value, 1e-14);
        Assert.Equal(AdaptiveSharpness.WorstCase(loss.Space, new ClosureObjective(Whole), sharpness), AdaptiveSharpness.WorstCase(loss, sharpness), 1e-13);

        using ParameterVector u = SurfaceDirection.FilterNormalized(loss.Space, noise, 0), v = SurfaceDirection.FilterNormalized(loss.Space, noise, 1);
        var surface = new SurfaceOptions { Points = 3 };
        Assert.All(
            LossSurface.Line(loss, u, surface).Losses.Zip(LossSurface.Line(loss.Space, Value, u, surface).Losses), p => Assert.Equal(p.Second, p.First, 1e-14));
        Assert.All(
            LossSurface.Plane(loss, u, v, surface).Losses.SelectMany(r => r).Zip(LossSurface.Plane(loss.Space, Value, u, v, surface).Losses.SelectMany(r => r)),
            p => Assert.Equal(p.Second, p.First, 1e-14));

        LiveTensors.AssertSteady(() =>
        {
            NoiseGap.Measure(loss, noise, options);
            AdaptiveSharpness.WorstCase(loss, sharpness);
        });
    }
}
