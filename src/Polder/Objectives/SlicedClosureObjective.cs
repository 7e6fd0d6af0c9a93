namespace Polder.Objectives;

/// <summary>
/// The function that a closure over a model and a range of the mini-batch's rows computes; the contract is that of <see cref="ClosureObjective"/>.
/// </summary>
public sealed class SlicedClosureObjective : ISlicedObjective, IForwardObjective
{
    private readonly Func<Range, Tensor> _closure;
    private bool _onlyComputes;

    /// <summary>Makes the objective.</summary>
    /// <param name="rows">The number of rows of the mini-batch, at least 1.</param>
    /// <param name="closure">Computes the mean loss over a range of rows, for example <c>range => cross_entropy(model.forward(images[range]),
    /// labels[range])</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rows"/> is below 1.</exception>
    public SlicedClosureObjective(int rows, Func<Range, Tensor> closure)
    {
        Require.AtLeast(rows, 1);
        ArgumentNullException.ThrowIfNull(closure);
        (Rows, _closure) = (rows, closure);
    }

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight) => Accumulate(space, gradient, weight, 0..Rows);

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or not within the rows.</exception>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range rows)
    {
        var (offset, length) = rows.GetOffsetAndLength(Rows);
        Require.That(length > 0, rows, "one row or more");
        var objective = new ClosureObjective(() => _closure(offset..(offset + length)));
        double loss = objective.Accumulate(space, gradient, weight);
        _onlyComputes = objective.OnlyComputes;
        return loss;
    }

    /// <inheritdoc/>
    public double Evaluate(ParameterSpace space) => new ClosureObjective(() => _closure(0..Rows)) { OnlyComputes = _onlyComputes }.Evaluate(space);
}
