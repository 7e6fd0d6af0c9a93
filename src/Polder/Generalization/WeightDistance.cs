namespace Polder.Generalization;

/// <summary>How far the weights have moved from their start.</summary>
public static class WeightDistance
{
    /// <summary>|W - W0|, summed in double precision.</summary>
    /// <param name="space">W: the weights as they stand.</param>
    /// <param name="start">W0: a vector of the space.</param>
    /// <exception cref="ArgumentException">The start is of another space.</exception>
    public static double Between(ParameterSpace space, ParameterVector start) => Math.Sqrt(Squares(space, start).Sum());

    /// <summary>|W - W0| of each parameter.</summary>
    /// <inheritdoc cref="Between"/>
    public static IReadOnlyList<double> ByParameter(ParameterSpace space, ParameterVector start) => [.. Squares(space, start).Select(Math.Sqrt)];

    /// <summary>The start as a vector of the space of the same network that has moved on.</summary>
    /// <param name="space">The parameters of the network that has moved.</param>
    /// <param name="start">The start's parameters, in the same order: one of the same shape for each of the space.</param>
    /// <exception cref="ArgumentException">Numbers or shapes differ.</exception>
    public static ParameterVector StartOf(ParameterSpace space, IReadOnlyList<Tensor> start)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(start);
        if (start.Count != space.Parameters.Count)
            throw new ArgumentException(
                $"the start has {start.Count} parameters, the network {space.Parameters.Count}: they must be of one architecture", nameof(start));
        for (int i = 0; i < start.Count; i++)
        {
            if (!start[i].shape.AsSpan().SequenceEqual(space.Parameters[i].shape))
            {
                throw new ArgumentException(
                    $"parameter {i} of the start has shape [{string.Join(", ", start[i].shape)}], "
                    + $"the network's [{string.Join(", ", space.Parameters[i].shape)}]",
                    nameof(start));
            }
        }
        ParameterVector vector = space.CreateVector();
        using var noGrad = no_grad();
        for (int i = 0; i < start.Count; i++)
            vector.Blocks[i].copy_(start[i]);
        return vector;
    }

    private static double[] Squares(ParameterSpace space, ParameterVector start)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(start);
        if (!ReferenceEquals(start.Space, space))
            throw new ArgumentException("the start belongs to another parameter space", nameof(start));
        using var noGrad = no_grad();
        double[] squares = new double[space.Parameters.Count];
        for (int i = 0; i < squares.Length; i++)
        {
            using var scope = NewDisposeScope();
            squares[i] = space.Parameters[i].sub(start.Blocks[i]).to(ScalarType.Float64).pow(Number(2)).sum().ToDouble();
        }
        return squares;
    }
}
