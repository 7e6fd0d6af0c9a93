namespace Polder.Objectives;

/// <summary>One batch of an <see cref="EmpiricalLoss"/>.</summary>
/// <param name="Number">Its place in the pass, from 0.</param>
/// <param name="Count">The number of examples.</param>
/// <param name="Inputs">What goes into the model; null for a function without data.</param>
/// <param name="Targets">What its output is compared with; null for a function without data.</param>
/// <param name="Loss">Computes the loss with its graph.</param>
/// <param name="Outputs">Computes the model's output with its graph; null where the loss is not of that form.</param>
/// <param name="LossOf">The loss as a function of output and targets; null where the loss is not of that form.</param>
internal sealed record BatchLoss(
    int Number, long Count, Tensor? Inputs, Tensor? Targets, Func<Tensor> Loss, Func<Tensor>? Outputs = null, Func<Tensor, Tensor, Tensor>? LossOf = null)
{
    /// <summary>The loss with its graph, checked: an error inside native code would not be as clear.</summary>
    public Tensor CheckedLoss() => Check(Loss(), requireGraph: true);

    /// <summary>The number that the loss is.</summary>
    public double Value()
    {
        using var scope = NewDisposeScope();
        return Check(Loss(), requireGraph: false).ToDouble();
    }

    /// <summary>The model's output and the loss as a function of it.</summary>
    /// <exception cref="NotSupportedException">The loss is not of that form.</exception>
    public (Tensor Outputs, Func<Tensor, Tensor, Tensor> LossOf) RequireOutputs()
    {
        if (Outputs is null || LossOf is null)
            throw new NotSupportedException(
                "this operator needs a loss of a model's outputs: make it of a model, batches of inputs and targets, and a loss of outputs and targets");
        Tensor outputs = Outputs();
        if (!outputs.requires_grad)
            throw new InvalidOperationException("the model's output does not depend on the parameters by a graph");
        if (outputs.dim() == 0 || outputs.shape[0] != Count)
            throw new InvalidOperationException(
                $"the model's output has shape [{string.Join(", ", outputs.shape)}]; allowed: one row an example, of which batch {Number} has {Count}");
        return (outputs, LossOf);
    }

    /// <summary>Checks a loss; returns it.</summary>
    public Tensor Check(Tensor? loss, bool requireGraph)
    {
        if (loss is null || loss.IsInvalid)
            throw new InvalidOperationException("the loss function returned no tensor");
        if (loss.numel() != 1 || !loss.is_floating_point())
            throw new InvalidOperationException(
                $"the loss function returned a {loss.dtype} tensor of shape [{string.Join(", ", loss.shape)}]: "
                + "a loss is a floating-point tensor of one element");
        if (requireGraph && !loss.requires_grad)
            throw new InvalidOperationException(
                "the loss does not depend on the parameters by a graph: it is computed without gradients, detached, or of other parameters");
        double value = loss.detach().ToDouble();
        if (!double.IsFinite(value))
            throw new ArithmeticException($"the loss of batch {Number} is {value}: there is no curvature to measure");
        return loss;
    }
}
