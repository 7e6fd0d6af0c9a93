using Polder.Averaging;
using Polder.Methods;
using Polder.Optimization;
using Polder.Tests.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Averaging;

public class WeightAverageTests
{
    [Fact]
    public void Swa_is_the_plain_mean_of_the_weights_at_every_second_update_from_the_start_on()
    {
        using var scope = NewDisposeScope();
        var (values, mean) = Run(new StochasticWeightAverage(start: 3, every: 2), steps: 9);
        Assert.Equal((values[4] + values[6] + values[8]) / 3, mean, 1e-14);
    }

    [Fact]
    public void Ema_follows_its_recursion_with_the_smaller_decay_of_the_start()
    {
        using var scope = NewDisposeScope();
        var (values, mean) = Run(new ExponentialMovingAverage(0.3), steps: 8);
        double expected = values[0];
        for (int t = 1; t < values.Count; t++)
        {
            double decay = Math.Min(0.3, (1.0 + t) / (10.0 + t));
            expected = (decay * expected) + ((1 - decay) * values[t]);
        }
        Assert.Equal(expected, mean, 1e-14);
    }

    [Fact]
    public void Averaging_does_not_change_the_training()
    {
        using var scope = NewDisposeScope();
        Network plain = new(), averaged = new();
        using var without = new FlatMinimaOptimizer(optim.SGD(plain.Module.parameters(), 0.1, 0.9), new NoiseStability(), plain.Module, seed: 3);
        using var with = new FlatMinimaOptimizer(optim.SGD(averaged.Module.parameters(), 0.1, 0.9), new NoiseStability(), averaged.Module, seed: 3);
        using var average = new ExponentialMovingAverage(0.9);
        with.Hooks.Add(average);
        for (int step = 0; step < 5; step++)
        {
            without.Step(() => plain.Loss(step));
            with.Step(() => averaged.Loss(step));
        }
        Bits.AssertEqual(plain.Module.parameters(), averaged.Module.parameters());
    }

    [Fact]
    public void A_copy_has_the_average_frozen_weights_and_buffers_of_the_source()
    {
        using var scope = NewDisposeScope();
        Network source = new(), copy = new();
        source.Norm.weight!.requires_grad = false;
        using (no_grad())
            source.Norm.weight.fill_(2);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(source.Module.parameters(), 0.1), new Plain(), source.Module);
        using var average = new StochasticWeightAverage(0);
        optimizer.Hooks.Add(average);
        optimizer.Step(() => source.Loss(0));
        using Tensor first = source.Module.parameters().First().detach().clone();
        optimizer.Step(() => source.Loss(1));
        average.CopyInto(source.Module, copy.Module);
        using Tensor expected = first.mul(0.5).add_(source.Module.parameters().First().detach(), 0.5);
        Assert.True(allclose(expected, copy.Module.parameters().First(), 1e-6, 1e-7));
        Bits.AssertEqual([source.Norm.weight], [copy.Norm.weight!]);
        Assert.Equal(source.Norm.running_mean!.data<float>().ToArray(), copy.Norm.running_mean!.data<float>().ToArray());
        Assert.Equal(2, copy.Norm.num_batches_tracked!.ToInt64());
    }

    [Fact]
    public void An_average_goes_on_where_a_saved_one_was()
    {
        using var scope = NewDisposeScope();
        var state = new Dictionary<string, Tensor>();
        var whole = new List<double>();
        foreach (bool interrupted in new[] { false, true })
        {
            Parameter w = new(tensor(new[] { 4.0 }));
            WeightAverage average = new ExponentialMovingAverage(0.7);
            var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new Plain());
            optimizer.Hooks.Add(average);
            for (int step = 0; step < 6; step++)
            {
                if (interrupted && step == 3)
                {
                    average.Save(state);
                    average.Dispose();
                    optimizer.Hooks.Remove(average);
                    average = new ExponentialMovingAverage(0.7);
                    average.Load(optimizer.Space, state);
                    optimizer.Hooks.Add(average);
                }
                optimizer.Step(() => w.pow(2).sum());
            }
            whole.Add(ValueOf(average, w));
            average.Dispose();
            optimizer.Dispose();
        }
        Assert.Equal(whole[0], whole[1]);
    }

    [Fact]
    public void What_cannot_be_copied_is_refused()
    {
        using var scope = NewDisposeScope();
        Network source = new();
        using var average = new StochasticWeightAverage(0);
        Assert.Throws<InvalidOperationException>(() => average.CopyInto(source.Module, new Network().Module));
        Hook.AfterUpdate(average, source.Module);
        var other = nn.Sequential(("first", nn.Linear(6, 15)));
        Assert.Contains("first.weight of shape [16, 6]", Assert.Throws<ArgumentException>(() => average.CopyInto(source.Module, other)).Message);
        Assert.Throws<ArgumentException>(() => average.Load(Objectives.SpaceOf(source.Module), new Dictionary<string, Tensor> { ["other"] = ones(1) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExponentialMovingAverage(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new StochasticWeightAverage(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new StochasticWeightAverage(0, 0));
    }

    // A scalar weight that runs down f(w) = w^2, its values after each update, and the average at the end.
    private static (List<double> Values, double Mean) Run(WeightAverage average, int steps)
    {
        Parameter w = new(tensor(new[] { 4.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new NoiseStability { Sigma = 0.5 });
        optimizer.Hooks.Add(average);
        var values = new List<double>();
        for (int step = 0; step < steps; step++)
        {
            optimizer.Step(() => w.pow(2).sum());
            values.Add(w.detach().ToDouble());
        }
        double mean = ValueOf(average, w);
        average.Dispose();
        return (values, mean);
    }

    private static double ValueOf(WeightAverage average, Parameter w)
    {
        using var source = new Holder(w);
        using var target = new Holder(new Parameter(zeros(1, float64)));
        average.CopyInto(source, target);
        return target.Weight.detach().ToDouble();
    }

    private static class Objectives
    {
        public static Polder.Parameters.ParameterSpace SpaceOf(nn.Module model) => Polder.Parameters.ParameterSpace.Of(model.parameters());
    }

    private sealed class Holder : nn.Module
    {
        public Holder(Parameter weight)
            : base("holder")
        {
            Weight = weight;
            register_parameter("weight", weight);
        }

        public Parameter Weight { get; }
    }
}
