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
        var whole = new ClosureObjective(Whole);

        model.train();
        var noise = new PhiloxNoise(1);
        var options = new NoiseGapOptions { Sigmas = [0.1, 0.5], Draws = 3 };
        NoiseGapResult gap = NoiseGap.Measure(loss.Space, loss, noise, options);
        Assert.True(model.training);
        NoiseGapResult expected = NoiseGap.Measure(loss.Space, whole, noise, options);
        Assert.All(gap.Points.Zip(expected.Points), p => Assert.Equal(p.Second.Gap.Value, p.First.Gap.Value, 1e-14));

        var sharpness = new SharpnessOptions { Radius = 0.3, Draws = 3, Steps = 5 };
        Assert.Equal(AdaptiveSharpness.Average(loss.Space, whole, noise, sharpness).Value,
            AdaptiveSharpness.Average(loss.Space, loss, noise, sharpness).Value, 1e-14);
        Assert.Equal(AdaptiveSharpness.WorstCase(loss.Space, whole, sharpness), AdaptiveSharpness.WorstCase(loss.Space, loss, sharpness), 1e-13);

        using ParameterVector u = SurfaceDirection.FilterNormalized(loss.Space, noise, 0), v = SurfaceDirection.FilterNormalized(loss.Space, noise, 1);
        var surface = new SurfaceOptions { Points = 3 };
        Assert.All(
            LossSurface.Line(loss, u, surface).Losses.Zip(LossSurface.Line(whole, u, surface).Losses), p => Assert.Equal(p.Second, p.First, 1e-14));
        Assert.All(
            LossSurface.Plane(loss, u, v, surface).Losses.SelectMany(r => r).Zip(LossSurface.Plane(whole, u, v, surface).Losses.SelectMany(r => r)),
            p => Assert.Equal(p.Second, p.First, 1e-14));

        LiveTensors.AssertSteady(() =>
        {
            NoiseGap.Measure(loss.Space, loss, noise, options);
            AdaptiveSharpness.WorstCase(loss.Space, loss, sharpness);
        });
    }

    [Fact]
    public void Value_and_gradient_come_from_one_pass()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(6);
        var model = nn.Linear(4, 3);
        Tensor x = randn([10, 4]), y = randint(3, [10], ScalarType.Int64);
        int passes = 0;
        IEnumerable<(Tensor, Tensor)> Data()
        {
            passes++;
            yield return (x.narrow(0, 0, 7), y.narrow(0, 0, 7));
            yield return (x.narrow(0, 7, 3), y.narrow(0, 7, 3));
        }
        var loss = EmpiricalLoss.Of(
            model, new Again(Data), (output, target) => nn.functional.cross_entropy(output, target), new EmpiricalLossOptions { CheckDeterminism = false });
        (double value, Tensor gradient) = loss.ValueAndGradient();
        Assert.Equal(1, passes);
        // Bit for bit what each gives by itself, and what the objective adds up.
        Assert.Equal(loss.Value(), value);
        Assert.Equal(loss.Gradient().data<float>().ToArray(), gradient.data<float>().ToArray());
        using ParameterVector sum = loss.Space.CreateVector();
        Assert.Equal(value, loss.Accumulate(loss.Space, sum, -2));
        Assert.Equal(gradient.mul(-2).data<float>().ToArray(), cat([.. sum.Blocks.Select(b => b.reshape(-1))]).data<float>().ToArray());
        Assert.Equal(value, loss.Evaluate(loss.Space));
        Assert.Contains("its own Space", Assert.Throws<ArgumentException>(() => loss.Evaluate(ParameterSpace.Of(model.parameters()))).Message);
    }

    private sealed class Again(Func<IEnumerable<(Tensor, Tensor)>> data) : IEnumerable<(Tensor, Tensor)>
    {
        public IEnumerator<(Tensor, Tensor)> GetEnumerator() => data().GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
