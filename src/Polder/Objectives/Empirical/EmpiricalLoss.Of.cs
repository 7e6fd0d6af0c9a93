namespace Polder.Objectives;

// What an empirical loss is made of.
public partial class EmpiricalLoss
{
    /// <summary>The loss of a model over batches of inputs and targets, which the caller owns.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The batches, in the same order each time they are enumerated.</param>
    /// <param name="loss">The loss of outputs and targets: a tensor of one element, the mean over the batch or its sum as the options say.</param>
    /// <param name="options">Parameters, mode, reduction; null is the defaults.</param>
    /// <exception cref="ArgumentException">No parameter is selected, or they have different types or devices.</exception>
    public static EmpiricalLoss Of(
        nn.Module<Tensor, Tensor> model, IEnumerable<(Tensor Inputs, Tensor Targets)> data, Func<Tensor, Tensor, Tensor> loss,
        EmpiricalLossOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        return OfPairs(model, () => data, loss, options);
    }

    /// <summary>The loss of a model over batches that their enumerator owns, such as those of a loader.</summary>
    /// <inheritdoc cref="Of(nn.Module{Tensor, Tensor}, IEnumerable{ValueTuple{Tensor, Tensor}}, Func{Tensor, Tensor, Tensor}, EmpiricalLossOptions?)"/>
    public static EmpiricalLoss Of(
        nn.Module<Tensor, Tensor> model, IEnumerable<IExamples> data, Func<Tensor, Tensor, Tensor> loss, EmpiricalLossOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        return OfPairs(model, () => data.Select(batch => (batch.Inputs, batch.Targets)), loss, options);
    }

    /// <summary>The loss of a model over batches of any kind.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The batches, in the same order each time they are enumerated.</param>
    /// <param name="loss">Runs the model on a batch and returns the loss.</param>
    /// <param name="count">The number of examples of a batch.</param>
    /// <param name="options">Parameters, mode, reduction; null is the defaults.</param>
    /// <exception cref="ArgumentException">No parameter is selected, or they have different types or devices.</exception>
    public static EmpiricalLoss Of<TBatch>(
        nn.Module model, IEnumerable<TBatch> data, Func<TBatch, Tensor> loss, Func<TBatch, long> count, EmpiricalLossOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(count);
        return new EmpiricalLoss(
            model, [.. model.named_parameters()], () => data.Select((batch, i) => new BatchLoss(i, count(batch), null, null, () => loss(batch))), options);
    }

    /// <summary>A function of some parameters, without data: an analytic function, or one fixed batch.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="loss">Computes the function at the parameters as they stand.</param>
    /// <param name="options">Parameters; null is the defaults.</param>
    /// <exception cref="ArgumentException">No parameter is selected, or they have different types or devices.</exception>
    public static EmpiricalLoss Of(IEnumerable<Parameter> parameters, Func<Tensor> loss, EmpiricalLossOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(loss);
        return new EmpiricalLoss(null, [.. parameters.Select((p, i) => ($"parameter {i}", p))], () => [new BatchLoss(0, 1, null, null, loss)], options);
    }

    private static EmpiricalLoss OfPairs(
        nn.Module<Tensor, Tensor> model, Func<IEnumerable<(Tensor Inputs, Tensor Targets)>> data, Func<Tensor, Tensor, Tensor> loss,
        EmpiricalLossOptions? options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        EmpiricalLoss made = null!;
        made = new EmpiricalLoss(model, [.. model.named_parameters()], Batches, options);
        return made;

        IEnumerable<BatchLoss> Batches()
        {
            int number = 0;
            bool padded = PaddedBatch.IsNeeded(model, made);
            foreach ((Tensor givenInputs, Tensor givenTargets) in data())
            {
                if (givenInputs is null or { IsInvalid: true } || givenTargets is null or { IsInvalid: true })
                    throw new InvalidOperationException($"batch {number} has tensors that do not exist any more: the data must outlive the measurement");
                if (givenInputs.dim() == 0 || givenInputs.shape[0] == 0)
                    throw new InvalidOperationException(
                        $"batch {number} has inputs of shape [{string.Join(", ", givenInputs.shape)}]; examples go along the first axis, at least one");
                Tensor inputs = made.Adopt(givenInputs), targets = made.Adopt(givenTargets);
                Func<Tensor> outputs = padded ? () => PaddedBatch.Call(model, inputs) : () => model.call(inputs);
                try
                {
                    yield return new BatchLoss(number++, inputs.shape[0], inputs, targets, () => loss(outputs(), targets), outputs, loss);
                }
                finally
                {
                    // They hold the batch's memory, and the caller may have no dispose scope that would let go of it.
                    inputs.Dispose();
                    targets.Dispose();
                }
            }
        }
    }
}
