namespace Polder.Flatness;

/// <summary>Directions along which a loss surface is cut; each is a vector of the space that the caller owns.</summary>
public static class SurfaceDirection
{
    /// <summary>
    /// A random direction of which each filter is as long as that filter of the weights, so that surfaces of different networks can be
    /// compared: rescaling a filter (as BatchNorm allows) rescales the direction with it. Biases and scales, which have no filters, stay where
    /// they are (H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, "Visualizing the loss landscape of neural nets", NeurIPS 2018).
    /// </summary>
    /// <param name="space">The weights as they stand.</param>
    /// <param name="noise">Where the direction comes from; normal noise in the paper.</param>
    /// <param name="draw">Which draw of it: 0 for the first direction, 1 for the second.</param>
    public static ParameterVector FilterNormalized(ParameterSpace space, NoiseStream noise, int draw)
    {
        ArgumentNullException.ThrowIfNull(space);
        ParameterVector direction = Random(space, noise, draw);
        using var noGrad = no_grad();
        for (int i = 0; i < direction.Blocks.Count; i++)
        {
            using var scope = NewDisposeScope();
            Tensor block = direction.Blocks[i], weights = space.Parameters[i];
            if (weights.dim() <= 1)
                block.zero_();
            else
                block.mul_(FilterNorms.OfFilters(weights).div(FilterNorms.OfFilters(block).clamp_min(Number(1e-30))));
        }
        return direction;
    }

    /// <summary>A random direction: every element a draw of the noise, without any scaling.</summary>
    /// <inheritdoc cref="FilterNormalized"/>
    public static ParameterVector Random(ParameterSpace space, NoiseStream noise, int draw)
    {
        ArgumentNullException.ThrowIfNull(space);
        ParameterVector direction = space.CreateVector();
        space.Materialize(noise, 0, draw, direction);
        return direction;
    }

    /// <summary>A direction given as a flat vector, such as an eigenvector of the Hessian.</summary>
    /// <param name="space">The space.</param>
    /// <param name="flat">One element a weight, in the order of the space; of any floating-point type.</param>
    /// <exception cref="ArgumentException">The vector has another number of elements.</exception>
    public static ParameterVector Of(ParameterSpace space, Tensor flat)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(flat);
        if (flat.dim() != 1 || flat.shape[0] != space.Dimension)
            throw new ArgumentException(
                $"the vector has shape [{string.Join(", ", flat.shape)}]; allowed: [{space.Dimension}], one element a weight", nameof(flat));
        ParameterVector direction = space.CreateVector();
        using var noGrad = no_grad();
        for (int i = 0; i < direction.Blocks.Count; i++)
        {
            using var scope = NewDisposeScope();
            Tensor block = direction.Blocks[i];
            block.copy_(flat.narrow(0, space.Offsets[i], block.numel()).view(block.shape));
        }
        return direction;
    }
}
