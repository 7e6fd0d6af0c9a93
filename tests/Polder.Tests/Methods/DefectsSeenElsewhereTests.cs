using Polder.Methods;
using Polder.Optimization;
using TorchSharp.Modules;
using static Polder.Tests.Methods.Replays;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>
/// Defects that other libraries' versions of these methods had: norms taken a group or a parameter at a time, and a group that is added late without what the
/// others have. (That micro-batches come to the big batch, for all methods: MicroBatchTests.)
/// </summary>
public class DefectsSeenElsewhereTests
{
    private static readonly double[] Rates = [0.05, 0.2, 0.01];

    [Fact]
    public void Looksam_takes_its_norms_over_all_groups()
    {
        using var problem = new HandNetwork();
        SGD sgd = optim.SGD([problem.Parameters[0]], Rates[0]);
        Add(sgd, problem.Parameters[1], Rates[1]);
        Add(sgd, problem.Parameters[2], Rates[2]);
        using var optimizer = new FlatMinimaOptimizer(sgd, new LookSharpnessAware { Rho = 0.3, Alpha = 0.7, Every = 3 });
        double[] w = problem.Weights, v = [];
        for (int step = 0; step < 9; step++)
        {
            double[] g = problem.Gradient(w, step), update;
            if (step % 3 == 0)
            {
                update = problem.Gradient(Replays.Add(w, g, 0.3 / Norm(g)), step);
                v = Replays.Add(update, g, -Dot(update, g) / Dot(g, g));
            }
            else
            {
                update = Replays.Add(g, v, 0.7 * Norm(g) / Norm(v));
            }
            w = [.. w.Select((x, i) => x - (Rates[i < 6 ? 0 : i < 9 ? 1 : 2] * update[i]))];
            optimizer.Step(() => problem.Loss(step));
            Assert.All(w.Zip(problem.Weights), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        }
    }

    // From the step on at which a group is added, all parameters are one vector, and the newcomer's memory is what everyone's is at first.
    [Fact]
    public void A_group_that_is_added_late_takes_part_like_the_others()
    {
        using var problem = new HandNetwork();
        SGD sgd = optim.SGD([problem.Parameters[0], problem.Parameters[1]], Rates[0]);
        using var optimizer = new FlatMinimaOptimizer(sgd, new FriendlySharpnessAware { Rho = 0.3, Reduction = 0.8, Decay = 0.6 });
        double[] w = problem.Weights, m = new double[w.Length];
        for (int step = 0; step < 6; step++)
        {
            if (step == 3)
                Add(sgd, problem.Parameters[2], Rates[1]);
            int trained = step < 3 ? 9 : 12;
            double[] g = Trained(problem.Gradient(w, step));
            m = [.. m.Zip(g, (a, b) => (0.6 * a) + (0.4 * b))];
            double[] d = Replays.Add(g, m, -0.8), update = Trained(problem.Gradient(Replays.Add(w, d, 0.3 / Norm(d)), step));
            w = [.. w.Select((x, i) => x - (Rates[i < 9 ? 0 : 1] * update[i]))];
            optimizer.Step(() => problem.Loss(step));
            Assert.All(w.Zip(problem.Weights), pair => Assert.Equal(pair.First, pair.Second, 1e-12));

            double[] Trained(double[] gradient) => [.. gradient.Select((x, i) => i < trained ? x : 0)];
        }
    }

    [Fact]
    public void A_late_groups_precision_starts_where_every_precision_does()
    {
        using var scope = NewDisposeScope();
        using var problem = new HandNetwork();
        SGD sgd = optim.SGD([problem.Parameters[0]], 0.1);
        using var optimizer = new FlatMinimaOptimizer(sgd, new BayesianSharpnessAware { Examples = 20, Beta2 = 1 });
        optimizer.Step(() => problem.Loss(0));
        Add(sgd, problem.Parameters[2], 0.1);
        optimizer.Step(() => problem.Loss(1));
        // With beta2 = 1 the precision stays what it was at first: 1.
        Assert.All(optimizer.StateDict()["method.precision.1"].data<double>().ToArray(), s => Assert.Equal(1, s));
    }

    private static void Add(SGD sgd, Parameter parameter, double rate) =>
        sgd.add_param_group(new SGD.ParamGroup([parameter], new SGD.Options { LearningRate = rate, InitialLearningRate = rate }));
}
