using System.Text.Json;
using Polder.Curvature;
using Polder.Objectives;
using Polder.Parameters;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>Traces and eigenvalues of reference/mlpsmall, against PyTorch's dense float64 Hessian.</summary>
public class ReferenceSpectrumTests
{
    [Fact]
    public void The_ten_largest_and_five_smallest_eigenvalues_are_the_references()
    {
        using var scope = NewDisposeScope();
        var network = new MlpSmall();
        using Eigenpairs pairs = network.Hessian(batchSize: 256).FindEigenvalues(new EigenOptions { Top = 10, Bottom = 5, Tolerance = 1e-6 });
        Assert.Equal(EigenExit.Converged, pairs.Exit);
        Equal(network.Values.GetProperty("top10"), pairs.Top);
        Equal(network.Values.GetProperty("bottom5"), pairs.Bottom);
    }

    [Fact]
    public void Weights_only_and_single_tensors_have_the_references_eigenvalues()
    {
        using var scope = NewDisposeScope();
        var network = new MlpSmall();
        EmpiricalLoss loss = network.Hessian(batchSize: 256).Loss;
        var weights = new Hessian(loss.Restrict(ParameterSubsets.Weights(network.Module)));
        Assert.Equal(2368, weights.Dimension);
        Assert.Equal(weights.Dimension, loss.Restrict(ParameterSubsets.Reference(network.Module)).Space.Dimension);
        using Eigenpairs top = weights.FindEigenvalues(new EigenOptions { Top = 5, Bottom = 1, Tolerance = 1e-6 });
        Equal(network.Values.GetProperty("weights_only_top5"), top.Top);
        Assert.Equal(network.Values.GetProperty("weights_only_bottom").GetDouble(), top.Bottom[0].Value, 1e-9);
        foreach (ParameterBlock block in loss.Tensors)
        {
            using Eigenpairs one = new Hessian(loss.Restrict(block)).TopEigenvalues(1, new EigenOptions { Tolerance = 1e-6 });
            Assert.Equal(network.Values.GetProperty("top_eig_per_block").GetProperty(block.Name).GetDouble(), one.Top[0].Value, 1e-9);
        }
    }

    [Fact]
    public void The_automatic_trace_holds_the_references_within_its_error()
    {
        using var scope = NewDisposeScope();
        var network = new MlpSmall();
        Hessian hessian = network.Hessian(batchSize: 256);
        TraceEstimate trace = hessian.Trace(new TraceEstimationOptions { RelativeError = 0.03, Blocks = hessian.Loss.Tensors });
        Assert.Equal(EstimateExit.Tolerance, trace.Exit);
        Assert.InRange(trace.Products, 20, 200); // a spectrum without outliers: Hutchinson needs 125
        Assert.InRange(15.288832747936954, trace.Value - (4 * trace.StandardError), trace.Value + (4 * trace.StandardError));
        Assert.InRange(3.67993227274885 * 3.67993227274885, trace.SquaredFrobeniusNorm!.Value - (4 * trace.SquaredFrobeniusNorm.StandardError),
            trace.SquaredFrobeniusNorm.Value + (4 * trace.SquaredFrobeniusNorm.StandardError));
        foreach ((ParameterBlock block, Estimate part) in trace.Blocks)
            Assert.InRange(network.Values.GetProperty("trace_per_param").GetProperty(block.Name).GetDouble(), part.Value - (5 * part.StandardError), part.Value
                + (5 * part.StandardError));
    }

    private static void Equal(JsonElement expected, IReadOnlyList<Eigenpair> actual)
    {
        double[] values = [.. expected.EnumerateArray().Select(e => e.GetDouble())];
        Assert.Equal(values.Length, actual.Count);
        for (int i = 0; i < values.Length; i++)
            Assert.Equal(values[i], actual[i].Value, 1e-8 * Math.Abs(values[i]));
    }
}
