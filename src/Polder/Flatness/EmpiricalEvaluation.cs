using Polder.Objectives;
using Polder.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Flatness;

/// <summary>A loss over a data set as the function, and the objective, that this room measures.</summary>
internal static class EmpiricalEvaluation
{
    /// <summary>f at the weights as they stand; infinite where a batch's loss is not finite, as far from W it may be.</summary>
    public static Func<double> FunctionOf(EmpiricalLoss loss, CancellationToken cancellation) => () =>
    {
        try
        {
            return loss.Value(cancellation);
        }
        catch (ArithmeticException)
        {
            return double.PositiveInfinity;
        }
    };

    /// <summary>f with its gradient.</summary>
    public static IObjective ObjectiveOf(EmpiricalLoss loss, CancellationToken cancellation) => new Objective(loss, cancellation);

    private sealed class Objective(EmpiricalLoss loss, CancellationToken cancellation) : IObjective
    {
        public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            double value = loss.Value(cancellation);
            Tensor flat = loss.Gradient(cancellation);
            using Scalar factor = weight.ToScalar();
            for (int i = 0; i < gradient.Blocks.Count; i++)
            {
                Tensor block = gradient.Blocks[i];
                block.add_(flat.narrow(0, space.Offsets[i], block.numel()).view(block.shape), factor);
            }
            return value;
        }
    }
}
