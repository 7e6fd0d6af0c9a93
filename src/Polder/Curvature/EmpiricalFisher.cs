namespace Polder.Curvature;

/// <summary>
/// The empirical Fisher matrix: the mean (or sum) over the examples of g g^T, g the gradient of the example's loss. It needs a model
/// whose output for an example does not depend on the others of the batch.
/// </summary>
public sealed class EmpiricalFisher : CurvatureOperator
{
    /// <summary>The empirical Fisher matrix of a loss of a model's outputs.</summary>
    /// <exception cref="ArgumentException">The loss takes batch statistics: there are no losses of single examples.</exception>
    public EmpiricalFisher(EmpiricalLoss loss)
        : base(loss)
    {
        if (loss.Options.Mode == ModelMode.BatchStatistics)
            throw new ArgumentException("with batch statistics an example has no loss of its own; measure in evaluation mode", nameof(loss));
    }

    private protected override void AddProducts(BatchLoss batch, double weight, Tensor[][] directions, Tensor[][] products)
    {
        (Tensor outputs, Func<Tensor, Tensor, Tensor> lossOf) = batch.RequireOutputs();
        // One forward pass; the losses of the single examples are small graphs on top of it.
        Tensor losses = stack([.. Enumerable.Range(0, (int)batch.Count).Select(i =>
            batch.Check(lossOf(outputs.narrow(0, i, 1), batch.Targets!.narrow(0, i, 1)), requireGraph: true).reshape([]))]);
        Tensor dual = zeros_like(losses.detach()).requires_grad_();
        (Tensor Gradient, int Index)[] transposed = Differentiate(losses, dual, Loss.Space.Parameters);
        if (transposed.Length == 0)
            return;
        Tensor[] functions = Array.ConvertAll(transposed, g => g.Gradient);
        for (int row = 0; row < directions.Length; row++)
        {
            autograd.backward(functions, Array.ConvertAll(transposed, g => directions[row][g.Index]), retain_graph: true, create_graph: false, inputs: [dual]);
            using Tensor along = dual.grad!.detach();
            dual.grad = null;
            Pull([losses], [along], products[row], retain: row < directions.Length - 1);
        }
    }
}
