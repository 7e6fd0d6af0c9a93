namespace Polder.Objectives;

/// <summary>
/// A mini-batch that is evaluated in pieces of its rows, one after another: the memory of a piece, the gradient of the whole. Parts of the
/// batch, where a method asks for them, are evaluated in pieces of the same size. Pieces have <see cref="LeastRows"/> rows or more.
/// </summary>
public sealed class AccumulatedObjective : ISlicedObjective, IForwardObjective, IOutputObjective
{
    private readonly ISlicedObjective _batch;
    private readonly int _pieces;

    /// <summary>Makes the objective.</summary>
    /// <param name="batch">The mini-batch.</param>
    /// <param name="pieces">The number of pieces of the whole, at least 1; a batch of fewer rows has as many pieces as rows.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pieces"/> is below 1.</exception>
    public AccumulatedObjective(ISlicedObjective batch, int pieces)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Require.AtLeast(pieces, 1);
        (_batch, _pieces) = (batch, pieces);
    }

    /// <inheritdoc/>
    public int Rows => _batch.Rows;

    /// <inheritdoc/>
    public int LeastRows => _batch.LeastRows;

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight) => Accumulate(space, gradient, weight, 0..Rows);

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range rows) =>
        InPieces(rows, (piece, share) => _batch.Accumulate(space, gradient, weight * share, piece));

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range? rows, OutputDerivative derivative)
    {
        IOutputObjective batch = _batch as IOutputObjective ?? throw OutputObjective.Unable(_batch);
        return InPieces(rows ?? 0..Rows, (piece, share) => batch.Accumulate(space, gradient, weight * share, piece, derivative));
    }

    /// <inheritdoc/>
    /// <remarks>One forward pass over the whole batch: without a gradient it needs little memory, and normalizes by the whole batch's statistics.</remarks>
    /// <exception cref="NotSupportedException">The batch cannot be evaluated without its gradient.</exception>
    public double Evaluate(ParameterSpace space) => (_batch as IForwardObjective ?? throw MicroBatchObjective.Unable(_batch)).Evaluate(space);

    private double InPieces(Range rows, Func<Range, double, double> accumulate)
    {
        var (offset, length) = rows.GetOffsetAndLength(Rows);
        Require.That(length > 0, rows, "one row or more");
        // As many pieces as keep each at the size of a piece of the whole.
        int pieces = (int)Math.Min(Math.Max(1, length / LeastRows), (((long)length * _pieces) + Rows - 1) / Rows);
        double loss = 0;
        for (int i = 0; i < pieces; i++)
        {
            int start = offset + (int)((long)length * i / pieces), end = offset + (int)((long)length * (i + 1) / pieces);
            double share = (double)(end - start) / length;
            loss += share * accumulate(start..end, share);
        }
        return loss;
    }
}
