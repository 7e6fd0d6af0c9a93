using Polder.Experiments.Comparison;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using TorchSharp.Modules;

namespace Polder.Experiments.Tests.Comparison;

/// <summary>A budget of seconds comes to as many steps as fit into it, whatever the steps are of.</summary>
public sealed class StepTimeTests(DigitsFixture fixture) : IClassFixture<DigitsFixture>
{
    [Theory]
    [InlineData(0, 400)]
    [InlineData(0.25, 400)]
    [InlineData(0.9, 1000)]
    [InlineData(1, 50)]
    public void Steps_of_two_kinds_take_the_time_that_those_of_the_base_optimizer_take(double share, long steps)
    {
        // A step of the head costs a method 3 times one of the base optimizer, where all features are kept, and the others twice.
        var head = new StepTime(0.003, 0.001);
        var rest = new StepTime(0.2, 0.1);
        long own = StepTime.Mean(head, rest, share).StepsFor(steps);
        // What every training computes once, the features, is the same for both and in neither.
        double budget = steps * ((share * 0.001) + ((1 - share) * 0.1)), one = (share * 0.003) + ((1 - share) * 0.2);
        Assert.InRange(own * one, budget - (one / 2) - 1e-9, budget + (one / 2) + 1e-9);
    }

    [Theory]
    [InlineData(2, 10)]
    [InlineData(0.025, 10)]
    [InlineData(0.02, 20)]
    [InlineData(0.001, 250)]
    [InlineData(1e-9, 1000)]
    public void Short_steps_are_timed_in_greater_number(double seconds, int steps) => Assert.Equal(steps, StepTime.StepsToTime(seconds));

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void The_steps_that_are_timed_go_on_from_features_that_are_computed_once(bool frozen, bool headAlone)
    {
        var task = new Counting(fixture.Task);
        var training = new TrainingOptions { BatchSize = 5, LearningRate = 0.05, FreezeBody = frozen };
        ShortTraining.Time(task, MethodChoice.Create("nso"), training, headAlone, steps: 3, TestContext.Current.CancellationToken);
        // 15 images of the 25, a batch of those for validation, and one that is looked at first; two gradients a step where the body is trained.
        Assert.Equal(((frozen || headAlone ? 1 : 2) * 15) + 5 + 1, task.Seen);
    }

    /// <summary>Counts the images that go through the first layer.</summary>
    private sealed class Counting(IFineTuningTask task) : IFineTuningTask
    {
        public long Seen { get; private set; }

        public string Name => task.Name;

        public FineTuningStart Prepare(long seed)
        {
            FineTuningStart start = task.Prepare(seed);
            start.Classifier.Network.named_modules().Select(m => m.module).OfType<Conv2d>().First().register_forward_hook((_, _, output) =>
            {
                Seen += output.shape[0];
                return output;
            });
            return start;
        }
    }
}
