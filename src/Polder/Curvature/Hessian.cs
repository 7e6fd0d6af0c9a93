namespace Polder.Curvature;

/// <summary>
/// The Hessian of a loss over a data set. A product is exact: the derivative of the gradient along the vector (Pearlmutter, 1994), by a
/// second backward pass; several vectors share the forward and the first backward pass.
/// </summary>
public sealed class Hessian : CurvatureOperator
{
    /// <summary>The Hessian of a loss.</summary>
    public Hessian(EmpiricalLoss loss)
        : base(loss)
    {
    }

    /// <summary>The Hessian of a model's loss over batches that the caller owns.</summary>
    /// <inheritdoc cref="EmpiricalLoss.Of(nn.Module{Tensor, Tensor}, IEnumerable{IExamples}, Func{Tensor, Tensor, Tensor}, EmpiricalLossOptions?)"/>
    public static Hessian Of(
        nn.Module<Tensor, Tensor> model, IEnumerable<(Tensor Inputs, Tensor Targets)> data, Func<Tensor, Tensor, Tensor> loss,
        EmpiricalLossOptions? options = null) =>
        new(EmpiricalLoss.Of(model, data, loss, options));

    /// <summary>The Hessian of a model's loss over batches that their enumerator owns, such as a loader's for evaluation.</summary>
    /// <inheritdoc cref="EmpiricalLoss.Of(nn.Module{Tensor, Tensor}, IEnumerable{IExamples}, Func{Tensor, Tensor, Tensor}, EmpiricalLossOptions?)"/>
    public static Hessian Of(
        nn.Module<Tensor, Tensor> model, IEnumerable<IExamples> data, Func<Tensor, Tensor, Tensor> loss, EmpiricalLossOptions? options = null) =>
        new(EmpiricalLoss.Of(model, data, loss, options));

    /// <summary>The Hessian of a function of some parameters.</summary>
    /// <inheritdoc cref="EmpiricalLoss.Of(IEnumerable{Parameter}, Func{Tensor}, EmpiricalLossOptions?)"/>
    public static Hessian Of(IEnumerable<Parameter> parameters, Func<Tensor> loss, EmpiricalLossOptions? options = null) =>
        new(EmpiricalLoss.Of(parameters, loss, options));

    private protected override void AddProducts(BatchLoss batch, double weight, Tensor[][] directions, Tensor[][] products)
    {
        Tensor loss = batch.CheckedLoss().mul(Number(weight));
        (Tensor Gradient, int Index)[] gradients = Differentiate(loss, null, Loss.Space.Parameters);
        if (gradients.Length == 0)
            return; // linear in the parameters
        Tensor[] functions = Array.ConvertAll(gradients, g => g.Gradient);
        for (int row = 0; row < directions.Length; row++)
            Pull(functions, Array.ConvertAll(gradients, g => directions[row][g.Index]), products[row], retain: row < directions.Length - 1);
    }
}
