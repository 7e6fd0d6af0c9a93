namespace Polder.Objectives;

/// <summary>
/// The loss of a network's outputs over the rows of a mini-batch, the two given apart. Its derivative by the outputs can be kept from one evaluation to another
/// (<see cref="OutputDerivative"/>). It owns what it keeps: dispose of it after the step.
/// </summary>
public sealed class OutputObjective : ISlicedObjective, IForwardObjective, IOutputObjective, IDisposable
{
    private readonly Func<Range, Tensor> _outputs;
    private readonly Func<Tensor, Range, Tensor> _loss;
    private readonly SlicedClosureObjective _whole;
    private readonly Dictionary<(int Offset, int Length), Tensor> _kept = [];

    /// <summary>Makes the objective.</summary>
    /// <param name="rows">The number of rows of the mini-batch, at least 1.</param>
    /// <param name="outputs">Computes the outputs for a range of rows, for example <c>range => model.forward(images[range])</c>.</param>
    /// <param name="loss">The mean loss of outputs for a range of rows, for example <c>(z, range) => cross_entropy(z, labels[range])</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rows"/> is below 1.</exception>
    public OutputObjective(int rows, Func<Range, Tensor> outputs, Func<Tensor, Range, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        ArgumentNullException.ThrowIfNull(loss);
        (_outputs, _loss) = (outputs, loss);
        _whole = new SlicedClosureObjective(rows, range => loss(outputs(range), range));
    }

    /// <inheritdoc/>
    public int Rows => _whole.Rows;

    /// <inheritdoc/>
    public int LeastRows { get; init; } = 1;

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight) => _whole.Accumulate(space, gradient, weight);

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range rows) =>
        _whole.Accumulate(space, gradient, weight, rows);

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range? rows, OutputDerivative derivative)
    {
        Range range = rows ?? 0..Rows;
        if (derivative == OutputDerivative.Own)
            return Accumulate(space, gradient, weight, range);
        var (offset, length) = range.GetOffsetAndLength(Rows);
        double value = double.NaN;
        // The closure's result is the number z'd, whose gradient is J'd.
        new ClosureObjective(() =>
        {
            Tensor z = _outputs(offset..(offset + length));
            if (derivative == OutputDerivative.Keep)
            {
                using Tensor apart = z.detach().requires_grad_(true);
                using Tensor loss = _loss(apart, offset..(offset + length));
                loss.backward();
                value = loss.ToDouble();
                Keep((offset, length), apart.grad!.detach().DetachFromDisposeScope());
            }
            else
            {
                using (no_grad())
                    value = _loss(z.detach(), offset..(offset + length)).ToDouble();
            }
            return z.mul(Kept(offset, length)).sum();
        }).Accumulate(space, gradient, weight);
        return value;
    }

    /// <inheritdoc/>
    public double Evaluate(ParameterSpace space) => _whole.Evaluate(space);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor derivative in _kept.Values)
            derivative.Dispose();
        _kept.Clear();
    }

    internal static InvalidOperationException Unable(IObjective objective) => new(
        $"the method takes the network's outputs and the loss apart, and {objective.GetType().Name} does not show them: "
            + "call Step(rows, range => outputs, (outputs, range) => loss)");

    private void Keep((int Offset, int Length) rows, Tensor derivative)
    {
        if (_kept.Remove(rows, out Tensor? before))
            before.Dispose();
        _kept[rows] = derivative;
    }

    private Tensor Kept(int offset, int length) => _kept.TryGetValue((offset, length), out Tensor? derivative)
        ? derivative
        : throw new InvalidOperationException($"no derivative was kept for the rows {offset} to {offset + length}: "
            + $"a probe with {OutputDerivative.Keep} comes first");
}
