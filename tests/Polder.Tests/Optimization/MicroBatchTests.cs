using Polder.Methods;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Testing;
using Polder.Tests.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>A batch in pieces is the batch, for every method: all pieces of a probe see the same perturbation.</summary>
public class MicroBatchTests
{
    private static readonly int[] Sizes = [5, 12, 7];

    public static TheoryData<int, bool> Cases()
    {
        var cases = new TheoryData<int, bool>();
        // A loss that a closure adds up has no outputs; functional SAM is cut by its rows, below.
        for (int method = 0; method < MethodList.All.Count; method++)
            foreach (bool insideClosure in (bool[])[false, true])
                if (!MethodList.All[method].TakesOutputs)
                    cases.Add(method, insideClosure);
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Micro_batches_give_the_whole_batch_to_rounding(int index, bool insideClosure)
    {
        using var scope = NewDisposeScope();
        IGradientMethod method = MethodList.All[index];
        var whole = Smooth();
        var pieces = Smooth();
        using FlatMinimaOptimizer a = Optimizer(whole, method), b = Optimizer(pieces, method);
        for (int step = 0; step < 5; step++)
        {
            var (x, y) = Batch(step);
            StepResult expected = a.Step(() => nn.functional.cross_entropy(whole.forward(x), y));
            StepResult found = insideClosure ? b.Step(() => AllInside(x, y)) : b.Step([.. Parts(x, y)], [.. Sizes.Select(s => (double)s)]);
            Assert.Equal(expected.Losses.Count, found.Losses.Count);
            Assert.Equal(expected.Loss, found.Loss, 1e-12);
            foreach (var (p, q) in whole.parameters().Zip(pieces.parameters()))
                Assert.True((p - q).abs().max().ToDouble() < 1e-11, $"step {step}");
        }

        IEnumerable<Func<Tensor>> Parts(Tensor x, Tensor y)
        {
            int start = 0;
            foreach (int size in Sizes)
            {
                Tensor rows = x.narrow(0, start, size), labels = y.narrow(0, start, size);
                yield return () => nn.functional.cross_entropy(pieces.forward(rows), labels);
                start += size;
            }
        }

        // The other habit: one closure that calls backward for each piece.
        Tensor AllInside(Tensor x, Tensor y)
        {
            Tensor total = zeros(1, ScalarType.Float64);
            foreach (var (part, size) in Parts(x, y).Zip(Sizes))
            {
                Tensor loss = part() * ((double)size / Sizes.Sum());
                loss.backward();
                total += loss.detach();
            }
            return total;
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(100)]
    public void A_batch_in_pieces_of_its_rows_is_the_batch_for_every_method(int pieces)
    {
        using var scope = NewDisposeScope();
        foreach (IGradientMethod method in (IGradientMethod[])[.. MethodList.All, new NoiseStability { Sigma = 0.1, Passes = Passes.Split, CleanWeight = 0.2 }])
        {
            Sequential whole = Smooth(), cut = Smooth();
            using FlatMinimaOptimizer a = Optimizer(whole, method), b = Optimizer(cut, method);
            int longest = 0;
            for (int step = 0; step < 3; step++)
            {
                var (x, y) = Batch(step);
                a.Step(Sizes.Sum(), rows => whole.forward(x[rows]), Loss);
                using var batch = new OutputObjective(Sizes.Sum(), rows =>
                {
                    longest = Math.Max(longest, rows.GetOffsetAndLength(Sizes.Sum()).Length);
                    return cut.forward(x[rows]);
                }, Loss);
                b.Step(new AccumulatedObjective(batch, pieces));

                Tensor Loss(Tensor outputs, Range rows) => nn.functional.cross_entropy(outputs, y[rows]);

                foreach (var (p, q) in whole.parameters().Zip(cut.parameters()))
                    Assert.True((p - q).abs().max().ToDouble() < 1e-11, $"{method}, step {step}");
            }
            Assert.Equal((Sizes.Sum() + pieces - 1) / pieces, longest);
        }
    }

    [Fact]
    public void Without_sizes_all_count_alike()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 1.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 1), new Plain());
        StepResult result = optimizer.Step([() => w.sum() * 3, () => w.sum()]);
        Assert.Equal((2.0, 2.0, 1), (result.Loss, result.GradientNorm, result.GradientEvaluations));
        Assert.Equal(-1, w.ToDouble());
    }

    [Fact]
    public void Clipping_sees_the_whole_batchs_gradient_once()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 1.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 1), new Plain());
        optimizer.Hooks.Add(GradientClip.ByValue(0.5));
        // Clipped one by one, 5 and -4 would cancel.
        optimizer.Step([() => w.sum() * 5, () => w.sum() * -4]);
        Assert.Equal(0.5, w.ToDouble());
    }

    [Fact]
    public void A_micro_batch_that_throws_changes_nothing()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), new NoiseStability { Sigma = 0.3 }, network.Module);
        byte[][] before = Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]);
        int calls = 0;
        Assert.Throws<TimeoutException>(() => optimizer.Step([() => network.Loss(0), () => ++calls == 2 ? throw new TimeoutException() : network.Loss(1)]));
        Bits.AssertEqual(before, Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]));
    }

    [Fact]
    public void Micro_batches_leave_no_tensor_behind()
    {
        Parameter w = new(ones(4));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.01), new NoiseStability { Sigma = 0.1 });
        LiveTensors.AssertSteady(() => optimizer.Step([() => w.pow(2).sum(), () => w.pow(4).sum()], [1, 2]));
        w.Dispose();
    }

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        IObjective[] two = [new ClosureObjective(() => zeros(1)), new ClosureObjective(() => zeros(1))];
        Assert.Contains("2 micro-batches and 1 sizes", Assert.Throws<ArgumentException>(() => new MicroBatchObjective(two, [1])).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new MicroBatchObjective(two, [1, 0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MicroBatchObjective(two, [double.NaN, 1]));
        Assert.Throws<ArgumentException>(() => new MicroBatchObjective([]));
    }

    private static Sequential Smooth()
    {
        random.manual_seed(8);
        var model = nn.Sequential(("first", nn.Linear(6, 16)), ("tanh", nn.Tanh()), ("last", nn.Linear(16, 3)));
        model.to(ScalarType.Float64);
        return model;
    }

    private static FlatMinimaOptimizer Optimizer(Sequential model, IGradientMethod method) =>
        new(optim.SGD(model.parameters(), 0.1, momentum: MethodList.MakesItsUpdate(method) ? 0 : 0.9), method, model, seed: 4);

    private static (Tensor X, Tensor Y) Batch(int step)
    {
        using var generator = new Generator(500ul + (ulong)step);
        return (randn([Sizes.Sum(), 6], ScalarType.Float64, generator: generator), arange(Sizes.Sum()).remainder(3));
    }
}
