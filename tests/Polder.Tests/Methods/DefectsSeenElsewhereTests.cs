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

    public static TheoryData<int> Methods => [.. Enumerable.Range(0, MethodList.All.Count)];

    // Added late or thawed late is the same thing: one vector from then on, with noise, norms and memory over all of it.
    [Theory, MemberData(nameof(Methods))]
    public void A_group_that_is_added_late_is_one_that_was_frozen_until_then(int index)
    {
        using var scope = NewDisposeScope();
        using HandProblem late = new HandNetwork(), frozen = new HandNetwork();
        IGradientMethod method = MethodList.All[index];
        double momentum = MethodList.MakesItsUpdate(method) ? 0 : 0.9;
        SGD growing = optim.SGD(late.Parameters.Take(2), Rates[0], momentum), whole = optim.SGD(frozen.Parameters.Take(2), Rates[0], momentum);
        Add(whole, frozen.Parameters[2], Rates[1], momentum);
        frozen.Parameters[2].requires_grad = false;
        using FlatMinimaOptimizer a = new(growing, method, seed: 6), b = new(whole, method, seed: 6);
        for (int step = 0; step < 6; step++)
        {
            if (step == 3)
            {
                Add(growing, late.Parameters[2], Rates[1], momentum);
                frozen.Parameters[2].requires_grad = true;
                foreach ((string name, double initial) in InitialMemory(method))
                    Assert.All(a.StateDict()[$"{name}.2"].data<double>().ToArray(), value => Assert.Equal(initial, value));
            }
            a.Take(() => late.Loss(step));
            b.Take(() => frozen.Loss(step));
            Assert.Equal(frozen.Weights, late.Weights);
        }
    }

    // A step that is left out makes the memory and changes nothing in it.
    private static List<(string Name, double Initial)> InitialMemory(IGradientMethod method)
    {
        using var problem = new HandNetwork();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1), method) { NonFinite = NonFinitePolicy.Skip };
        for (int step = 0; step < 4; step++)
            optimizer.Take(() => problem.Loss(step) * double.NaN);
        return [.. optimizer.StateDict().Where(e => e.Key.StartsWith("method.", StringComparison.Ordinal) && e.Key.EndsWith(".2", StringComparison.Ordinal))
            .Select(e => (e.Key[..^2], e.Value.data<double>()[0]))];
    }

    private static void Add(SGD sgd, Parameter parameter, double rate, double momentum) => sgd.add_param_group(
        new SGD.ParamGroup([parameter], new SGD.Options { LearningRate = rate, InitialLearningRate = rate, momentum = momentum }));

    private static void Add(SGD sgd, Parameter parameter, double rate) =>
        sgd.add_param_group(new SGD.ParamGroup([parameter], new SGD.Options { LearningRate = rate, InitialLearningRate = rate }));
}
