using Polder.Experiments.Comparison;
using Polder.Vision.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Comparison;

/// <summary>The weights at a loss, where the loss is a known function of them: one weight w, w squared.</summary>
public sealed class MatchedWeightsTests : IDisposable
{
    private readonly Linear _network = nn.Linear(1, 1, hasBias: false);

    private int _looks;

    private double Weight
    {
        get => _network.weight.item<float>();
        set
        {
            using var noGrad = no_grad();
            _network.weight.fill_(value);
        }
    }

    public void Dispose() => _network.Dispose();

    [Fact]
    public void They_are_on_the_line_between_two_looks_and_the_training_keeps_its_own()
    {
        using MatchedWeights matched = Wait(loss: 4, stepsPerEpoch: 8);
        Step(matched, 1, 5);
        Step(matched, 2, 3);
        Assert.Null(matched.Found);
        Step(matched, 4, -0.5);
        Assert.Equal((-0.5, 1), (Weight, matched.Epoch));
        // 2 would do as well as -2, which the line does not reach.
        Assert.InRange(Found(matched), Math.Sqrt(4 * 0.99), Math.Sqrt(4 * 1.01));
    }

    [Fact]
    public void The_loss_is_looked_at_four_times_an_epoch_and_no_more_once_it_has_passed()
    {
        using MatchedWeights matched = Wait(loss: 1, stepsPerEpoch: 10);
        for (int step = 1; step <= 20; step++)
            Step(matched, step, 3);
        // Steps 1, 2, 4, 6, 8, 10, 12 and so on to 20.
        Assert.Equal(11, _looks);
        Step(matched, 22, 0.5);
        int passed = _looks;
        Assert.InRange(passed, 13, 12 + 20);
        Assert.Equal(3, matched.Epoch);
        double found = Found(matched);
        Step(matched, 24, 0.25);
        Assert.Equal((passed, found, 3), (_looks, Found(matched), matched.Epoch));
    }

    [Fact]
    public void After_the_first_step_there_is_no_line_yet()
    {
        using MatchedWeights matched = Wait(loss: 4, stepsPerEpoch: 3);
        Step(matched, 1, 0.5);
        Assert.Equal(0.5, Found(matched));
    }

    [Fact]
    public void What_is_not_a_number_has_not_passed()
    {
        using MatchedWeights matched = Wait(loss: 4, stepsPerEpoch: 1);
        Step(matched, 1, double.NaN);
        Assert.Null(matched.Epoch);
    }

    private MatchedWeights Wait(double loss, long stepsPerEpoch) => new(_network, loss, stepsPerEpoch, () =>
    {
        _looks++;
        return Weight * Weight;
    });

    private void Step(MatchedWeights matched, long step, double weight)
    {
        Weight = weight;
        matched.Look(new TrainingProgress((int)((step + 9) / 10), 10, step, 100, 0, 0, 0, TimeSpan.Zero));
    }

    private double Found(MatchedWeights matched)
    {
        double own = Weight;
        matched.Found!.Restore();
        double found = Weight;
        Weight = own;
        return found;
    }
}
