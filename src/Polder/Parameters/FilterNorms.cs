namespace Polder.Parameters;

/// <summary>The Euclidean norms of a parameter's filters: its slices along the first axis, one for each output.</summary>
public static class FilterNorms
{
    /// <summary>Multiplies every element of a vector by the norm of its filter, as the parameters stand.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="leastDimensions">Parameters of fewer dimensions have no filters.</param>
    /// <param name="elementwise">What the elements of those are multiplied by: each weight's absolute value, or the norm of the whole parameter.</param>
    public static void Multiply(ParameterVector vector, int leastDimensions, bool elementwise)
    {
        ArgumentNullException.ThrowIfNull(vector);
        using var noGrad = no_grad();
        for (int i = 0; i < vector.Blocks.Count; i++)
        {
            using var scope = NewDisposeScope();
            Tensor parameter = vector.Space.Parameters[i];
            vector.Blocks[i].mul_(
                parameter.dim() >= leastDimensions ? OfFilters(parameter)
                : elementwise ? parameter.abs()
                : parameter.norm());
        }
    }

    /// <summary>The norms of the filters.</summary>
    /// <param name="parameter">A parameter, or a direction of its shape, of at least one dimension.</param>
    /// <returns>A new tensor of shape [filters, 1, ..., 1], which broadcasts over the parameter, in the caller's dispose scope.</returns>
    public static Tensor OfFilters(Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        using var scope = NewDisposeScope();
        long[] shape = [parameter.shape[0], .. Enumerable.Repeat(1L, (int)parameter.dim() - 1)];
        Tensor rows = parameter.detach().reshape(parameter.shape[0], -1);
        return rows.mul(rows).sum(1).sqrt().view(shape).MoveToOuterDisposeScope();
    }
}
