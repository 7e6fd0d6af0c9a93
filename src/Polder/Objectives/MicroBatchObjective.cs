namespace Polder.Objectives;

/// <summary>
/// The weighted mean of the objectives of micro-batches, evaluated one after another, so that a batch that does not fit into memory at
/// once has the gradient of the whole. A step moves the parameters around all of them: every micro-batch of a probe sees the same
/// perturbation, and for networks without BatchNorm the result is the whole batch's up to rounding.
/// </summary>
public sealed class MicroBatchObjective : IForwardObjective
{
    private readonly IObjective[] _parts;
    private readonly double[] _shares;

    /// <summary>Makes the objective.</summary>
    /// <param name="parts">Each micro-batch's mean loss, at least one.</param>
    /// <param name="sizes">The number of samples of each, by which it counts; null where all are alike.</param>
    /// <exception cref="ArgumentException">There is no part, or there are not as many sizes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not a finite number above 0.</exception>
    public MicroBatchObjective(IReadOnlyList<IObjective> parts, IReadOnlyList<double>? sizes = null)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
            throw new ArgumentException("a step needs at least one micro-batch", nameof(parts));
        if (sizes is not null && sizes.Count != parts.Count)
            throw new ArgumentException($"there are {parts.Count} micro-batches and {sizes.Count} sizes", nameof(sizes));
        foreach (double size in sizes ?? [])
            Require.Positive(size, "the size of a micro-batch");
        _parts = [.. parts];
        _shares = sizes is null
            ? [.. parts.Select(_ => 1.0 / parts.Count)]
            : [.. sizes.Select(size => size / sizes.Sum())];
    }

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight)
    {
        double loss = 0;
        for (int i = 0; i < _parts.Length; i++)
            loss += _shares[i] * _parts[i].Accumulate(space, gradient, weight * _shares[i]);
        return loss;
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A micro-batch's objective cannot be evaluated without its gradient.</exception>
    public double Evaluate(ParameterSpace space)
    {
        double loss = 0;
        for (int i = 0; i < _parts.Length; i++)
            loss += _shares[i] * (_parts[i] as IForwardObjective ?? throw Unable(_parts[i])).Evaluate(space);
        return loss;
    }

    internal static NotSupportedException Unable(IObjective objective) =>
        new($"{objective.GetType().Name} has no forward pass without a gradient ({nameof(IForwardObjective)}), "
            + $"which {nameof(BatchNormPolicy)}.{nameof(BatchNormPolicy.CleanForward)} needs");
}
