using System.Runtime.InteropServices;

namespace Polder.Curvature;

/// <summary>A symmetric matrix of second order that belongs to a loss over a data set: its products are sums over the batches.</summary>
public abstract class CurvatureOperator : ILinearOperator
{
    private bool _differentiable; // whether a batch has been differentiated

    private protected CurvatureOperator(EmpiricalLoss loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        Loss = loss;
    }

    /// <summary>The loss that this belongs to: its parameters, blocks, value and gradient.</summary>
    public EmpiricalLoss Loss { get; }

    /// <inheritdoc/>
    public long Dimension => Loss.Space.Dimension;

    /// <inheritdoc/>
    public ScalarType DataType => Loss.DataType;

    /// <inheritdoc/>
    public Device Device => Loss.Device;

    /// <inheritdoc/>
    /// <exception cref="ArithmeticException">The loss or a product is not finite.</exception>
    /// <exception cref="InvalidOperationException">Two passes over the data differ, or the loss has no graph to the parameters.</exception>
    /// <exception cref="NotSupportedException">An operation of the model has no second derivative.</exception>
    public virtual Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        LinearOperators.RequireVectors(this, vectors);
        Loss.EnsureDeterministic(cancellation);
        using var scope = NewDisposeScope();
        using var session = Loss.Enter();
        Tensor directions = vectors.detach().contiguous();
        Tensor products = zeros_like(directions);
        Range own = Loss.VectorsOf((int)vectors.shape[0]);
        Tensor[][] directionViews = Rows(directions)[own], productViews = Rows(products)[own];
        double total = 0, none = 0;
        foreach (BatchLoss batch in Loss.Batches(cancellation))
        {
            using var pass = NewDisposeScope();
            using var gradients = enable_grad();
            double weight = Loss.WeightOf(batch);
            total += weight;
            try
            {
                if (directionViews.Length == 0)
                    continue; // a rank that has other vectors computes these batches
                AddProducts(batch, weight, directionViews, productViews);
                _differentiable = true;
            }
            catch (ExternalException e) when (e.Message.Contains("not implemented", StringComparison.Ordinal))
            {
                throw new NotSupportedException(
                    $"an operation of the model has no second derivative; {nameof(FiniteDifferenceHessian)} needs only first ones: {FirstLine(e.Message)}", e);
            }
            finally
            {
                MeasurementSession.Clear(Loss.Space);
            }
        }
        using var noGrad = no_grad();
        Loss.Combine(products, ref none, ref total);
        if (Loss.Options.Reduction == LossReduction.Mean)
            products.div_(Number(total));
        RequireFinite(products);
        return products.MoveToOuterDisposeScope();
    }

    /// <summary>Adds <paramref name="weight"/> times the batch's products. Parameters have no gradient before and may have any after.</summary>
    private protected abstract void AddProducts(BatchLoss batch, double weight, Tensor[][] directions, Tensor[][] products);

    /// <summary>
    /// Differentiates once with a graph. By <c>autograd.grad</c>: backward with a graph would make libtorch warn of reference cycles. An error
    /// in grad ends the process, so what could be one is looked at before, and the first time by a backward without a graph, whose errors
    /// are exceptions.
    /// </summary>
    /// <returns>The gradients that depend on something that requires a gradient, each with its index; none where the function is linear.</returns>
    /// <exception cref="InvalidOperationException">A variable does not require a gradient any more.</exception>
    private protected (Tensor Gradient, int Index)[] Differentiate(Tensor function, Tensor? seed, IReadOnlyList<Tensor> variables)
    {
        if (variables.Any(variable => !variable.requires_grad))
            throw new InvalidOperationException("a parameter does not require a gradient any more: choose the parameters anew");
        IList<Tensor> inputs = [.. variables], functions = [function];
        IList<Tensor>? seeds = seed is null ? null : [seed];
        if (!_differentiable)
        {
            autograd.backward(functions, seeds, retain_graph: true, create_graph: false, inputs: inputs);
            foreach (Tensor variable in variables)
                variable.grad = null;
        }
        IList<Tensor> gradients = autograd.grad(functions, inputs, seeds, retain_graph: true, create_graph: true, allow_unused: true);
        return [.. gradients.Select((gradient, i) => (gradient, i)).Where(g => g.gradient is { IsInvalid: false, requires_grad: true })];
    }

    /// <summary>Adds J^T seed to <paramref name="products"/>, J the derivative of <paramref name="functions"/>.</summary>
    private protected void Pull(IList<Tensor> functions, IList<Tensor> seeds, Tensor[] products, bool retain)
    {
        ParameterSpace space = Loss.Space;
        for (int i = 0; i < products.Length; i++)
            space.Parameters[i].grad = products[i];
        autograd.backward(functions, seeds, retain_graph: retain, create_graph: false, inputs: [.. space.Parameters]);
        MeasurementSession.Clear(space);
    }

    private protected static void RequireFinite(Tensor products)
    {
        using Tensor sum = products.abs().sum();
        if (!double.IsFinite(sum.ToDouble()))
            throw new ArithmeticException(
                "a product has an element that is not finite: the second derivative overflows, or does not exist at these parameters");
    }

    private Tensor[][] Rows(Tensor matrix) => [.. Enumerable.Range(0, (int)matrix.shape[0]).Select(row => Loss.Views(matrix.select(0, row)))];

    private static string FirstLine(string message) => message.Split('\n', 2)[0];
}
