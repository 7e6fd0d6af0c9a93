using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Five float64 steps of a 6-8-3 network as other people's software made them (reference/trajectories), with the noise given.</summary>
public class TrajectoryTests
{
    private const double SigmaOfReference = 0.05;

    public static TheoryData<string, IGradientMethod> Runs => new()
    {
        { "sgd", new Plain() },
        { "nsm_lam0_pos_k1", new WeightPerturbation { Sigma = SigmaOfReference, Draws = 1 } },
        { "nsm_lam0_pos_k3", new WeightPerturbation { Sigma = SigmaOfReference, Draws = 3 } },
        { "nsm_lam0_neg_k1", new NoiseStability { Sigma = SigmaOfReference, Pairs = 1 } },
        { "nsm_lam0_neg_k3", new NoiseStability { Sigma = SigmaOfReference, Pairs = 3 } },
        { "sam_rho0.05", new SharpnessAware { Rho = 0.05 } },
        { "usam_rho0.05", new SharpnessAware { Rho = 0.05, Normalize = false } },
        { "asam_rho1", new SharpnessAware { Rho = 1, Adaptive = true } },
    };

    [Theory, MemberData(nameof(Runs))]
    public void Steps_are_those_of_the_reference(string name, IGradientMethod method)
    {
        NpyFile Read(string file) => NpyFile.Read(SharedFiles.Require("reference", "trajectories", file + ".npy"));
        NpyFile expected = Read(name), inputs = Read("X"), labels = Read("Y"), start = Read("init"), z = Read("Z");
        double[,,] noise = new double[z.Shape[0], z.Shape[1], z.Shape[2]];
        Buffer.BlockCopy(z.Values, 0, noise, 0, z.Values.Length * sizeof(double));

        using var scope = NewDisposeScope();
        Parameter w1 = Take(0, 8, 6), b1 = Take(48, 8), w2 = Take(56, 3, 8), b2 = Take(80, 3);
        Parameter[] all = [w1, b1, w2, b2];
        var sgd = optim.SGD(all, 0.1, momentum: 0.9, weight_decay: 1e-4);
        using var optimizer = new FlatMinimaOptimizer(sgd, method, noise: new FixedNoise(noise));
        for (int t = 0; t < 5; t++)
        {
            Tensor x = tensor(inputs.Row(t).ToArray()).view(16, 6);
            Tensor y = tensor(labels.Row(t).ToArray().Select(v => (long)v).ToArray());
            optimizer.step(() => nn.functional.cross_entropy(x.matmul(w1.t()).add(b1).tanh().matmul(w2.t()).add(b2), y));
            double[] reached = [.. all.SelectMany(p => p.data<double>().ToArray())];
            double[] wanted = expected.Row(t + 1).ToArray();
            Assert.Equal(83, reached.Length);
            Assert.True(reached.Zip(wanted, (a, b) => Math.Abs(a - b)).Max() < 1e-12, $"step {t}");
        }

        Parameter Take(int offset, params long[] shape) =>
            new(tensor(start.Values.AsSpan(offset, (int)shape.Aggregate(1L, (a, b) => a * b)).ToArray()).view(shape));
    }
}
