namespace Polder.Optimization;

/// <content>The forms of a closure in which a step takes its loss.</content>
public partial class FlatMinimaOptimizer
{
    /// <summary>One step; TorchSharp's form.</summary>
    /// <param name="closure">Computes the loss; it may call <c>zero_grad</c> and <c>backward</c> itself or leave both out
    /// (<see cref="ClosureObjective"/>).</param>
    /// <returns>A new scalar tensor with <see cref="StepResult.Loss"/>, of the first parameter's data type.</returns>
    public override Tensor step(Func<Tensor>? closure = null)
    {
        if (closure is null)
            throw new ArgumentNullException(nameof(closure), "a flat-minima method evaluates the loss itself: call step(() => loss)");
        StepResult result = Step(closure);
        return tensor(result.Loss, Space.Parameters[0].dtype, Space.Parameters[0].device);
    }

    /// <summary>One step on the function that a closure computes.</summary>
    /// <inheritdoc cref="Step(IObjective, IObjective?)"/>
    public StepResult Step(Func<Tensor> closure) => Step(new ClosureObjective(closure));

    /// <summary>
    /// One step on the functions that two closures compute, for methods that take two mini-batches (<see cref="IGradientMethod.TakesSecondBatch"/>).
    /// </summary>
    /// <param name="closure">Computes the loss of the first mini-batch.</param>
    /// <param name="second">Computes the same loss of the second.</param>
    /// <inheritdoc cref="Step(IObjective, IObjective?)"/>
    public StepResult Step(Func<Tensor> closure, Func<Tensor> second) => Step(new ClosureObjective(closure), new ClosureObjective(second));

    /// <summary>
    /// One step on the function that a closure computes over the rows of a mini-batch or some of them, as <see cref="Passes.Split"/> needs it.
    /// </summary>
    /// <param name="rows">The number of rows of the mini-batch, at least 1.</param>
    /// <param name="closure">
    /// Computes the mean loss over a range of rows: <c>range => cross_entropy(model.forward(images[range]), labels[range])</c>. Methods that do
    /// not cut the batch ask for all rows.
    /// </param>
    /// <inheritdoc cref="Step(IObjective, IObjective?)"/>
    public StepResult Step(int rows, Func<Range, Tensor> closure) => Step(new SlicedClosureObjective(rows, closure));

    /// <summary>One step on a loss of a network's outputs that are given apart, as <see cref="FunctionalSharpnessAware"/> needs it.</summary>
    /// <param name="rows">The number of rows of the mini-batch, at least 1.</param>
    /// <param name="outputs">Computes the outputs for a range of rows: <c>range => model.forward(images[range])</c>.</param>
    /// <param name="loss">The mean loss of outputs: <c>(z, range) => cross_entropy(z, labels[range])</c>.</param>
    /// <inheritdoc cref="Step(IObjective, IObjective?)"/>
    public StepResult Step(int rows, Func<Range, Tensor> outputs, Func<Tensor, Range, Tensor> loss)
    {
        using var objective = new OutputObjective(rows, outputs, loss);
        return Step(objective);
    }

    /// <summary>
    /// One step on a batch that is given in micro-batches, all of which see the same perturbations; the gradient, and so clipping and the
    /// base optimizer's update, is that of the whole batch (<see cref="MicroBatchObjective"/>).
    /// </summary>
    /// <param name="microBatches">Each computes the mean loss of its samples; it is evaluated once a probe.</param>
    /// <param name="sizes">The number of samples of each, by which it counts; null where all are alike.</param>
    /// <inheritdoc cref="Step(IObjective, IObjective?)"/>
    public StepResult Step(IReadOnlyList<Func<Tensor>> microBatches, IReadOnlyList<double>? sizes = null)
    {
        ArgumentNullException.ThrowIfNull(microBatches);
        return Step(new MicroBatchObjective([.. microBatches.Select(closure => new ClosureObjective(closure))], sizes));
    }
}
