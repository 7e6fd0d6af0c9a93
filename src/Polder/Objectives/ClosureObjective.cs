using System.Runtime.InteropServices;

namespace Polder.Objectives;

/// <summary>The function that a closure over a model computes.</summary>
/// <remarks>
/// <para>
/// One contract serves both habits. Every gradient is cleared and the closure runs with gradients enabled. If any parameter has a
/// gradient afterwards, the closure has called backward itself, and its gradients are taken; otherwise the returned loss is
/// differentiated. So a closure may only compute the loss, or call <c>zero_grad</c> and <c>backward</c> as TorchSharp's optimizers want
/// it, also once for each micro-batch.
/// </para>
/// <para>
/// A closure that calls backward on one part of the loss and returns the live graph of another part would lose the other part; the
/// first evaluation of a space checks for it. Tensors that the closure makes are disposed of after each evaluation; what shall live on
/// must be taken out with <c>DetachFromDisposeScope</c>.
/// </para>
/// </remarks>
/// <param name="closure">Computes the loss, a floating-point tensor of one element.</param>
public sealed class ClosureObjective(Func<Tensor> closure) : IForwardObjective
{
    private readonly Func<Tensor> _closure = closure ?? throw new ArgumentNullException(nameof(closure));

    /// <summary>Whether the closure is known to compute a loss without calling backward.</summary>
    internal bool OnlyComputes { get; set; }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The closure returns no loss, or one that cannot be differentiated.</exception>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(gradient);
        using var scope = NewDisposeScope();
        try
        {
            ClearGradients(space);
            Tensor loss;
            using (enable_grad())
                loss = _closure();
            RequireLoss(loss);
            if (TakeGradients(space, gradient, weight))
            {
                CheckContract(space, loss);
            }
            else
            {
                Differentiate(space, gradient, loss, weight);
                OnlyComputes = true;
            }
            using Tensor value = loss.detach();
            return value.ToDouble();
        }
        finally
        {
            ClearGradients(space);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The closure returns no loss.</exception>
    public double Evaluate(ParameterSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        using var scope = NewDisposeScope();
        try
        {
            // A closure that calls backward needs its graph, even where nobody wants the gradient.
            using (set_grad_enabled(!OnlyComputes))
            {
                Tensor loss = _closure();
                RequireLoss(loss);
                using Tensor value = loss.detach();
                return value.ToDouble();
            }
        }
        finally
        {
            ClearGradients(space);
        }
    }

    private static void RequireLoss(Tensor? loss)
    {
        if (loss is null || loss.IsInvalid)
            throw new InvalidOperationException("the closure returned no loss: return the loss tensor, or a detached copy of it");
        if (loss.numel() != 1 || !loss.is_floating_point())
            throw new InvalidOperationException(
                $"the closure returned a {loss.dtype} tensor of shape [{string.Join(", ", loss.shape)}]: a loss is a floating-point tensor of one element");
    }

    // The gradients that the closure's own backward left. They replace nothing: a weighted sum is built in our vector.
    private static bool TakeGradients(ParameterSpace space, ParameterVector gradient, double weight)
    {
        bool any = false;
        using var noGrad = no_grad();
        using Scalar factor = weight.ToScalar();
        for (int i = 0; i < space.Parameters.Count; i++)
        {
            using Tensor? own = space.Parameters[i].grad;
            if (own is null || own.IsInvalid)
                continue;
            any = true;
            space.MarkReceivedGradient(i);
            gradient.Blocks[i].add_(own, factor);
        }
        return any;
    }

    // Backward straight into the vector: a gradient that is already there is added to in place.
    private static void Differentiate(ParameterSpace space, ParameterVector gradient, Tensor loss, double weight)
    {
        if (!loss.requires_grad)
            throw Unrelated();
        for (int i = 0; i < space.Parameters.Count; i++)
            if (space.HasReceivedGradient(i))
                space.Parameters[i].grad = gradient.Blocks[i];

        if (weight == 1)
            loss.backward();
        else
            loss.backward([full_like(loss, Number(weight), requires_grad: false)]);

        // A first gradient found no vector to go to: libtorch has made a tensor of its own.
        bool any = false;
        using var noGrad = no_grad();
        for (int i = 0; i < space.Parameters.Count; i++)
        {
            if (!space.HasReceivedGradient(i))
            {
                using Tensor? own = space.Parameters[i].grad;
                if (own is null || own.IsInvalid)
                    continue;
                gradient.Blocks[i].add_(own);
                space.MarkReceivedGradient(i);
            }
            any = true;
        }
        if (!any)
            throw Unrelated(); // its graph leads to other tensors only: no step would ever train anything
    }

    private static InvalidOperationException Unrelated() =>
        new("the loss does not depend on the optimizer's parameters: return it with its graph, or call backward inside the closure before detaching it");

    // The closure called backward and returned a loss with a graph. Usual and right where that graph is spent, or gives what backward gave.
    private static void CheckContract(ParameterSpace space, Tensor loss)
    {
        if (space.ClosureContractChecked)
            return;
        space.ClosureContractChecked = true;
        if (!loss.requires_grad)
            return;
        using var scope = NewDisposeScope();
        Tensor?[] taken = [.. space.Parameters.Select(p => p.grad)];
        ClearGradients(space);
        try
        {
            loss.backward();
        }
        catch (ExternalException)
        {
            return; // the graph is spent: backward was called on this very loss
        }
        for (int i = 0; i < taken.Length; i++)
        {
            Tensor? again = space.Parameters[i].grad;
            bool both = taken[i] is { IsInvalid: false } && again is { IsInvalid: false };
            bool neither = taken[i] is null or { IsInvalid: true } && again is null or { IsInvalid: true };
            if (!neither && !(both && allclose(taken[i]!, again!, 1e-3, 1e-6)))
                throw new InvalidOperationException(
                    "the closure called backward on one loss and returned another that still has its graph: "
                    + "return the loss that backward was called on, or only compute it");
        }
    }

    private static void ClearGradients(ParameterSpace space)
    {
        foreach (var parameter in space.Parameters)
            parameter.grad = null;
    }
}
