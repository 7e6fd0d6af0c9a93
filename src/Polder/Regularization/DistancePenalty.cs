namespace Polder.Regularization;

/// <summary>
/// Adds to the loss, for every layer l, (strength_l / 2) ||W_l - W0_l||_F^2 (L2-SP: Li, Grandvalet and Davoine, 2018), or strength_l
/// times the max-row-sum norm of the difference. It decorates the objective, so every probe of every method sees it where it evaluates.
/// </summary>
/// <remarks>
/// Around noise of standard deviation sigma the squared penalty grows by a constant only, so NSO's gradient of it is that of W itself.
/// For the max-row-sum norm, the subgradient is the sign of the difference in the first of the largest rows.
/// </remarks>
public sealed class DistancePenalty
{
    private readonly StartWeights _start;
    private readonly double[] _strengths;
    private readonly DistanceNorm _norm;

    /// <summary>Makes a penalty of the same strength for every layer.</summary>
    /// <inheritdoc cref="DistancePenalty(StartWeights, Func{string, double}, DistanceNorm)"/>
    public DistancePenalty(StartWeights start, double strength, DistanceNorm norm = DistanceNorm.Frobenius)
        : this(start, _ => strength, norm)
    {
    }

    /// <summary>Makes a penalty.</summary>
    /// <param name="start">Where the distances are measured from; it stays the caller's and must outlive the penalty.</param>
    /// <param name="strength">The strength of a layer by its name, at least 0; 0 leaves the layer free.</param>
    /// <param name="norm">The norm.</param>
    /// <exception cref="ArgumentOutOfRangeException">A strength is not a number of at least 0.</exception>
    public DistancePenalty(StartWeights start, Func<string, double> strength, DistanceNorm norm = DistanceNorm.Frobenius)
    {
        _start = start;
        _strengths = LayerNumbers.Of(start, strength, nameof(strength));
        _norm = norm;
    }

    /// <summary>The penalty at the weights as they stand.</summary>
    public double Value()
    {
        using var noGrad = no_grad();
        double sum = 0;
        for (int i = 0; i < _strengths.Length; i++)
        {
            using var scope = NewDisposeScope();
            if (_strengths[i] > 0)
                sum += Value(i, _start.Layers[i].Difference());
        }
        return sum;
    }

    /// <summary>
    /// An objective with the penalty added. Where the objective can be evaluated on some rows of the batch, so can this; every part has the whole
    /// penalty.
    /// </summary>
    /// <param name="objective">The objective.</param>
    public IObjective On(IObjective objective)
    {
        ArgumentNullException.ThrowIfNull(objective);
        return objective is ISlicedObjective sliced ? new PenalizedRows(this, sliced) : new Penalized(this, objective);
    }

    /// <summary>A closure's objective with the penalty added.</summary>
    /// <param name="closure">Computes the loss, as <see cref="ClosureObjective"/> wants it.</param>
    public IObjective On(Func<Tensor> closure) => On(new ClosureObjective(closure));

    private double Value(int layer, Tensor difference) => _norm == DistanceNorm.Frobenius
        ? 0.5 * _strengths[layer] * difference.pow(Number(2)).sum().ToDouble()
        : _strengths[layer] * StartWeights.RowSums(difference).max().ToDouble();

    // The value, and the gradient on the way; a layer that is frozen has a value but no place in the space.
    private double Accumulate(ParameterSpace space, ParameterVector gradient, double weight)
    {
        using var noGrad = no_grad();
        double sum = 0;
        for (int i = 0; i < _strengths.Length; i++)
        {
            if (_strengths[i] == 0)
                continue;
            using var scope = NewDisposeScope();
            Tensor difference = _start.Layers[i].Difference();
            sum += Value(i, difference);
            int place = space.IndexOf(_start.Layers[i].Weight);
            if (place >= 0)
            {
                space.MarkReceivedGradient(place);
                AddGradient(gradient.Blocks[place], difference, weight * _strengths[i]);
            }
        }
        return sum;
    }

    private void AddGradient(Tensor block, Tensor difference, double strength)
    {
        using Scalar factor = strength.ToScalar();
        if (_norm == DistanceNorm.Frobenius)
        {
            block.add_(difference, factor);
            return;
        }
        long row = StartWeights.RowSums(difference).argmax().ToInt64();
        block.narrow(0, row, 1).add_(difference.narrow(0, row, 1).sign(), factor);
    }

    private class Penalized(DistancePenalty penalty, IObjective inner) : IForwardObjective, IOutputObjective
    {
        protected DistancePenalty Penalty { get; } = penalty;

        public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight) =>
            inner.Accumulate(space, gradient, weight) + Penalty.Accumulate(space, gradient, weight);

        // The penalty is no function of the outputs: it has its own gradient at every point.
        public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range? rows, OutputDerivative derivative) =>
            (inner as IOutputObjective ?? throw OutputObjective.Unable(inner)).Accumulate(space, gradient, weight, rows, derivative)
            + Penalty.Accumulate(space, gradient, weight);

        public double Evaluate(ParameterSpace space) =>
            (inner as IForwardObjective ?? throw MicroBatchObjective.Unable(inner)).Evaluate(space) + Penalty.Value();
    }

    private sealed class PenalizedRows(DistancePenalty penalty, ISlicedObjective inner) : Penalized(penalty, inner), ISlicedObjective
    {
        public int Rows => inner.Rows;

        public int LeastRows => inner.LeastRows;

        public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range rows) =>
            inner.Accumulate(space, gradient, weight, rows) + Penalty.Accumulate(space, gradient, weight);
    }
}
