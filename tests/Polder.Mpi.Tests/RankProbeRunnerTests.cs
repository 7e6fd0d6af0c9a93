using Polder.Testing;
using static TorchSharp.torch;

namespace Polder.Mpi.Tests;

/// <summary>A step that ranks share is the step of one process.</summary>
public sealed class RankProbeRunnerTests
{
    public RankProbeRunnerTests() => Threads.One();

    [Theory]
    [MemberData(nameof(Training.MethodNumbers), MemberType = typeof(Training))]
    public void In_a_fixed_order_whole_points_are_one_process_bit_for_bit(int number)
    {
        IGradientMethod method = Training.Methods[number];
        using var training = new Training();
        Training.Outcome alone = training.Run(method, ranks: null);
        var options = new RankOptions { Reproducible = true, Parts = 1 };
        for (int size = 1; size <= 4; size++)
            foreach (Training.Outcome rank in Training.OnThreads(size, method, options))
            {
                // Sigma.Auto reads the curvature, whose sums the ranks make otherwise.
                if (method is NoiseStability { Sigma.IsAuto: true })
                    AssertClose(alone.Weights, rank.Weights, 1e-5);
                else
                    Assert.Equal(alone.Bits, rank.Bits);
                AssertClose([alone.Trace], [rank.Trace], 1e-4);
                AssertClose([alone.Frobenius], [rank.Frobenius], 1e-4);
            }
    }

    [Theory]
    [MemberData(nameof(Training.MethodNumbers), MemberType = typeof(Training))]
    public void Cut_batches_are_the_same_on_any_number_of_ranks(int number)
    {
        var options = new RankOptions { Reproducible = true, Parts = 3 };
        Training.Outcome one = Training.OnThreads(1, Training.Methods[number], options)[0];
        foreach (int size in (int[])[2, 3, 5, 8])
            Assert.All(Training.OnThreads(size, Training.Methods[number], options), rank =>
            {
                Assert.Equal(one.Bits, rank.Bits);
                Assert.Equal(one.Trace, rank.Trace);
            });
    }

    [Theory]
    [MemberData(nameof(Training.MethodNumbers), MemberType = typeof(Training))]
    public void In_the_librarys_order_all_ranks_have_the_same_bits_and_one_process_up_to_rounding(int number)
    {
        IGradientMethod method = Training.Methods[number];
        using var training = new Training();
        Training.Outcome alone = training.Run(method, ranks: null);
        var options = new RankOptions { Parts = 1 };
        Training.Outcome[] first = Training.OnThreads(3, method, options), again = Training.OnThreads(3, method, options);
        AssertClose(alone.Weights, first[0].Weights, 1e-4);
        AssertClose(alone.Losses, first[0].Losses, 1e-4);
        Assert.All(first.Concat(again), rank => Assert.Equal(first[0].Bits, rank.Bits));
    }

    [Fact]
    public void Ranks_beyond_the_points_cut_the_batch_and_say_so()
    {
        var notes = new List<string>();
        var options = new RankOptions { Note = new Told(notes) };
        // Two points on four ranks: half a batch each. BatchNorm normalizes a half by itself, so this is another training than on whole batches.
        Training.Outcome[] four = Training.OnThreads(4, new NoiseStability { Sigma = 0.05 }, options);
        Training.Outcome fixedParts = Training.OnThreads(1, new NoiseStability { Sigma = 0.05 }, new RankOptions { Parts = 2 })[0];
        AssertClose(fixedParts.Weights, four[0].Weights, 1e-5);
        Assert.Contains("4 rank(s) share 2 point(s) of a step, each on 2 parts of the batch: BatchNorm normalizes a part by itself (ghost batches)", notes);
    }

    [Fact]
    public void Where_the_objective_has_no_parts_the_ranks_beyond_the_points_wait()
    {
        var notes = new List<string>();
        using var training = new Training();
        Training.Outcome alone = training.Run(new SharpnessAware { Rho = 0.1 }, ranks: null, sliced: false);
        Training.Outcome[] three = Training.OnThreads(3, new SharpnessAware { Rho = 0.1 }, new RankOptions { Note = new Told(notes) }, sliced: false);
        Assert.All(three, rank => Assert.Equal(alone.Bits, rank.Bits));
        Assert.Contains("3 rank(s) share 1 point(s) of a step, each on the whole batch; 2 of them have nothing to do", notes);
    }

    [Theory]
    [InlineData(BatchNormPolicy.OncePerStep)]
    [InlineData(BatchNormPolicy.FirstProbe)]
    [InlineData(BatchNormPolicy.CleanForward)]
    [InlineData(BatchNormPolicy.Frozen)]
    public void Running_statistics_are_those_of_one_process(BatchNormPolicy policy)
    {
        var method = new NoiseStability { Sigma = 0.05, Pairs = 2 };
        using var training = new Training();
        Training.Outcome alone = training.Run(method, ranks: null, new RankOptions { BatchNorm = policy });
        Assert.All(Training.OnThreads(4, method, new RankOptions { BatchNorm = policy, Reproducible = true }), rank => Assert.Equal(alone.Bits, rank.Bits));
    }

    [Fact]
    public void A_policy_that_goes_from_probe_to_probe_is_refused()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(
            () => new RankProbeRunner(new SoloRanks(), options: new RankOptions { BatchNorm = BatchNormPolicy.EveryProbe }));
        Assert.Contains("another policy than that of statistics that move from probe to probe", error.Message);
    }

    [Fact]
    public void A_wish_to_stop_reaches_all_ranks_at_the_same_step()
    {
        int[] stopped = ThreadRanks.Run(3, ranks =>
        {
            int step = 0, stoppedAt = -1;
            using var weight = new TorchSharp.Modules.Parameter(ones(4));
            using var sgd = optim.SGD([weight], 0.1);
            using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.1 })
            {
                Runner = new RankProbeRunner(ranks) { WantsToStop = () => ranks.Rank == 1 && step == 5, Stopping = () => stoppedAt = step },
            };
            for (; stoppedAt < 0; step++)
                optimizer.Step(() => weight.pow(2).sum());
            return stoppedAt;
        });
        Assert.All(stopped, step => Assert.Equal(5, step));
    }

    [Fact]
    public void No_tensor_leaks()
    {
        using var training = new Training();
        using var weight = new TorchSharp.Modules.Parameter(ones(40));
        using var sgd = optim.SGD([weight], 0.1);
        using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.1, Pairs = 2 })
        { Runner = new RankProbeRunner(new SoloRanks(), options: new RankOptions { Reproducible = true, Parts = 2 }) };
        LiveTensors.AssertSteady(() => optimizer.Step(8, _ => weight.pow(2).mean()));
    }

    private static void AssertClose(double[] expected, double[] found, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True((double.IsNaN(expected[i]) && double.IsNaN(found[i])) || Math.Abs(expected[i] - found[i]) <= tolerance * (1 + Math.Abs(expected[i])),
                $"{i}: {expected[i]} and {found[i]}");
    }

    private sealed class Told(List<string> notes) : IProgress<string>
    {
        public void Report(string value)
        {
            lock (notes)
                notes.Add(value);
        }
    }
}
