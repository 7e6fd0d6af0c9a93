using Polder.Methods;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>A method evaluates as many gradients as it says, and each option outside its range is named.</summary>
public class GradientCountTests
{
    public static TheoryData<IGradientMethod, int> Counts => new()
    {
        { new Plain(), 1 },
        { new WeightPerturbation { Draws = 1 }, 1 },
        { new WeightPerturbation { Draws = 5 }, 5 },
        { new WeightPerturbation { Draws = 5, Sigma = 0 }, 1 },
        { new NoiseStability { Pairs = 1 }, 2 },
        { new NoiseStability { Pairs = 4 }, 8 },
        { new NoiseStability { Pairs = 4, CleanWeight = 0.5 }, 9 },
        { new NoiseStability { Pairs = 4, CleanWeight = 1 }, 1 },
        { new NoiseStability { Pairs = 4, Sigma = 0 }, 1 },
        { new SharpnessAware(), 2 },
        { new SharpnessAware { Adaptive = true }, 2 },
    };

    [Theory, MemberData(nameof(Counts))]
    public void The_closure_is_called_as_often_as_the_method_says(IGradientMethod method, int count)
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.01), method);
        int calls = 0;
        Tensor Closure()
        {
            calls++;
            return w.pow(2).sum();
        }

        Assert.Equal(count, method.GradientEvaluations);
        for (int step = 1; step <= 3; step++)
        {
            StepResult result = optimizer.Step(Closure);
            Assert.Equal(count * step, calls);
            Assert.Equal(count, result.GradientEvaluations);
            Assert.Equal(count, result.Losses.Count);
        }
    }

    public static TheoryData<IGradientMethod, string> Wrong => new()
    {
        { new WeightPerturbation { Sigma = -0.01 }, "Sigma" },
        { new WeightPerturbation { Draws = 0 }, "Draws must be an integer of at least 1" },
        { new NoiseStability { Sigma = double.PositiveInfinity }, "Sigma must be a finite number of at least 0" },
        { new NoiseStability { Pairs = -1 }, "Pairs must be an integer of at least 1" },
        { new NoiseStability { Every = 0 }, "Every must be an integer of at least 1" },
        { new NoiseStability { Passes = (Passes)7 }, "Passes must be one of Full, Split" },
        { new NoiseStability { CleanWeight = 1.01 }, "CleanWeight must be between 0 and 1" },
        { new NoiseStability { CleanWeight = double.NaN }, "CleanWeight must be between 0 and 1" },
        { new SharpnessAware { Rho = -1 }, "Rho must be a finite number of at least 0" },
        { new SharpnessAware { Rho = double.NaN }, "Rho must be a finite number of at least 0" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void An_option_out_of_its_range_is_named_when_the_optimizer_is_made(IGradientMethod method, string message)
    {
        using var scope = NewDisposeScope();
        OptimizerHelper sgd = optim.SGD([new Parameter(ones(1))], 0.1);
        Assert.Contains(message, Assert.Throws<ArgumentOutOfRangeException>(() => new FlatMinimaOptimizer(sgd, method)).Message);
    }
}
