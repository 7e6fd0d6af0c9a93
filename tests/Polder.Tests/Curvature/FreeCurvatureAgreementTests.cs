using Polder.Curvature;
using Polder.Methods;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Statistics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>What NSO's steps show of the curvature, and what Hessian-vector products measure, at the same weights of a smooth network.</summary>
public class FreeCurvatureAgreementTests
{
    private const int Steps = 800;
    private const double Sigma = 0.005; // small enough for a bias, of order sigma^2, far below the errors

    [Theory]
    [InlineData("tanh", 1)]
    [InlineData("silu", 2)]
    public void Free_estimates_agree_with_products_within_their_errors(string activation, int seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed);
        Tensor x = randn([40, 6], ScalarType.Float64, generator: generator), y = randint(4, [40], ScalarType.Int64, generator: generator);
        using Sequential model = nn.Sequential(
            ("first", nn.Linear(6, 8)), ("activation", activation == "tanh" ? nn.Tanh() : nn.SiLU()), ("second", nn.Linear(8, 4)));
        model.to(ScalarType.Float64);
        using (no_grad())
            foreach (Parameter parameter in model.parameters())
                parameter.copy_(randn(parameter.shape, ScalarType.Float64, generator: generator) * 0.6);

        var hessian = Hessian.Of(model, [(x.narrow(0, 0, 25), y.narrow(0, 0, 25)), (x.narrow(0, 25, 15), y.narrow(0, 25, 15))], MlpSmall.CrossEntropy);
        TraceEstimate sampled = hessian.Trace(new TraceEstimationOptions
        {
            Estimator = TraceEstimator.Hutchinson,
            MaxProducts = 200,
            Seed = seed,
            Blocks = hessian.Loss.Tensors
        }, Cancellation);
        Tensor matrix = hessian.ToDense(cancellation: Cancellation);

        // No step moves the weights: the learning rate is 0.
        using SGD still = optim.SGD(model.parameters(), 0);
        using var optimizer = new FlatMinimaOptimizer(still, new NoiseStability { Sigma = Sigma }, model, seed: seed);
        for (int step = 0; step < Steps; step++)
            optimizer.Step(() => MlpSmall.CrossEntropy(model.call(x), y));
        CurvatureMeter free = optimizer.Curvature;
        Assert.Equal(Steps, free.Count);

        // Against the exact matrix, and against samples of products with an error of their own.
        double trace = matrix.trace().ToDouble(), norm = matrix.norm().ToDouble();
        Within(trace, 0, free.Trace);
        Within(sampled.Value, sampled.StandardError, free.Trace);
        Assert.InRange(free.Trace.StandardError, 0, 0.05 * trace);
        Within(norm, 0, free.FrobeniusNorm);
        Estimate squares = sampled.SquaredFrobeniusNorm!;
        Within(Math.Sqrt(squares.Value), squares.StandardError / (2 * Math.Sqrt(squares.Value)), free.FrobeniusNorm);
        Assert.InRange(free.FrobeniusNorm.StandardError, 0, 0.05 * norm);
        Assert.Equal(sampled.Blocks.Count, free.TraceByParameter.Count);
        for (int i = 0; i < sampled.Blocks.Count; i++)
        {
            (ParameterBlock block, Estimate part) = sampled.Blocks[i];
            Within(matrix.narrow(0, block.Offset, block.Count).narrow(1, block.Offset, block.Count).trace().ToDouble(), 0, free.TraceByParameter[i]);
            Within(part.Value, part.StandardError, free.TraceByParameter[i]);
            Assert.InRange(free.TraceByParameter[i].StandardError, 0, 0.05 * trace);
        }

        // Four standard errors: a false alarm in some ten thousand; the seeds are fixed.
        static void Within(double expected, double error, MeanEstimate found) =>
            Assert.Equal(expected, found.Value, 4 * Math.Sqrt((error * error) + (found.StandardError * found.StandardError)));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;
}
