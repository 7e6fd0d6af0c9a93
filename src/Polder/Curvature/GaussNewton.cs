namespace Polder.Curvature;

/// <summary>
/// The generalized Gauss-Newton matrix: the sum over the examples of J^T L J, J the derivative of the model's output and L the Hessian of
/// the loss in the output (Schraudolph, 2002). It is the Hessian without the curvature of the model, and has no negative eigenvalue where
/// the loss is convex in the output.
/// </summary>
public sealed class GaussNewton : CurvatureOperator
{
    /// <summary>The Gauss-Newton matrix of a loss of a model's outputs.</summary>
    public GaussNewton(EmpiricalLoss loss)
        : base(loss)
    {
    }

    private protected override void AddProducts(BatchLoss batch, double weight, Tensor[][] directions, Tensor[][] products)
    {
        (Tensor outputs, Func<Tensor, Tensor, Tensor> lossOf) = batch.RequireOutputs();
        // J^T u as a function of u is linear; its derivative along v is J v, by backward passes alone.
        Tensor dual = zeros_like(outputs.detach()).requires_grad_();
        (Tensor Gradient, int Index)[] transposed = Differentiate(outputs, dual, Loss.Space.Parameters);
        Tensor at = outputs.detach().clone().requires_grad_();
        Tensor loss = batch.Check(lossOf(at, batch.Targets!), requireGraph: true).mul(Number(weight));
        (Tensor Gradient, int Index)[] slopes = Differentiate(loss, null, [at]);
        if (transposed.Length == 0 || slopes.Length == 0)
            return; // the output does not depend on the parameters, or the loss is linear in the output
        Tensor[] functions = Array.ConvertAll(transposed, g => g.Gradient);
        for (int row = 0; row < directions.Length; row++)
        {
            Tensor pushed = Forward(functions, Array.ConvertAll(transposed, g => directions[row][g.Index]), dual);
            Tensor curved = Forward([slopes[0].Gradient], [pushed], at);
            Pull([outputs], [curved], products[row], retain: row < directions.Length - 1);
        }
    }

    private static Tensor Forward(IList<Tensor> functions, IList<Tensor> seeds, Tensor variable)
    {
        autograd.backward(functions, seeds, retain_graph: true, create_graph: false, inputs: [variable]);
        Tensor? result = variable.grad;
        variable.grad = null;
        return result is { IsInvalid: false } ? result.detach() : zeros_like(variable).detach();
    }
}
