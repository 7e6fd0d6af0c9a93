using static TorchSharp.torch;

namespace Polder.Parameters;

/// <summary>The Euclidean norms of a parameter's filters: its slices along the first axis, one for each output.</summary>
internal static class FilterNorms
{
    /// <summary>What stands in for a filter's norm where a parameter has too few dimensions for filters.</summary>
    public enum Rest
    {
        /// <summary>The absolute value of the weight itself.</summary>
        Elementwise,

        /// <summary>The norm of the whole parameter.</summary>
        Whole,
    }

    /// <summary>Multiplies every element of a vector by the norm of its filter, as the parameters stand.</summary>
    public static void Multiply(ParameterVector vector, int leastDimensions, Rest rest)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < vector.Blocks.Count; i++)
        {
            using var scope = NewDisposeScope();
            Tensor parameter = vector.Space.Parameters[i];
            vector.Blocks[i].mul_(
                parameter.dim() >= leastDimensions ? OfFilters(parameter)
                : rest == Rest.Elementwise ? parameter.abs()
                : parameter.norm());
        }
    }

    /// <summary>The norms of the filters, in a shape that broadcasts over the parameter.</summary>
    public static Tensor OfFilters(Tensor parameter)
    {
        using var scope = NewDisposeScope();
        long[] shape = [parameter.shape[0], .. Enumerable.Repeat(1L, (int)parameter.dim() - 1)];
        Tensor rows = parameter.detach().reshape(parameter.shape[0], -1);
        return rows.mul(rows).sum(1).sqrt().view(shape).MoveToOuterDisposeScope();
    }
}
