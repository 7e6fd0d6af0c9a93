using Polder.Optimization;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>
/// Steps on a loss, with every method: functional SAM, which takes outputs and loss apart, gets the loss as an output whose loss is itself. (On that it is
/// SAM; FunctionalSamTests and the tests on <c>Network</c> have outputs that are not.)
/// </summary>
internal static class Stepping
{
    public static StepResult Take(this FlatMinimaOptimizer optimizer, Func<Tensor> loss) =>
        optimizer.Method.TakesOutputs ? optimizer.Step(1, _ => loss(), Same) : optimizer.Step(loss);

    public static StepResult Take(this FlatMinimaOptimizer optimizer, int rows, Func<Range, Tensor> loss) =>
        optimizer.Method.TakesOutputs ? optimizer.Step(rows, loss, Same) : optimizer.Step(rows, loss);

    private static Tensor Same(Tensor output, Range rows) => output * 1;
}
