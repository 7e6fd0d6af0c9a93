namespace Polder.Curvature;

/// <summary>
/// Products with the Hessian by central differences of gradients, (grad f(W + h v) - grad f(W - h v)) / 2h: for models with an operation
/// that has no second derivative. The error is of second order in the step plus rounding over the step; a kink between the two points
/// (ReLU, maximum) counts as curvature.
/// </summary>
public sealed class FiniteDifferenceHessian : CurvatureOperator
{
    /// <summary>The Hessian of a loss by differences.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="step">
    /// The length of h v relative to the norm of the parameters (or to 1 where that is smaller); above 0 and at most 1. Null is 1e-5 in
    /// float64 and 1e-3 in float32, about the cube root of the rounding error.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The step is not above 0 and at most 1.</exception>
    public FiniteDifferenceHessian(EmpiricalLoss loss, double? step = null)
        : base(loss)
    {
        Step = step ?? (DataType == ScalarType.Float64 ? 1e-5 : 1e-3);
        Require.That(Step is > 0 and <= 1, Step, "above 0 and at most 1", nameof(step));
    }

    /// <summary>The relative length of a move.</summary>
    public double Step { get; }

    /// <inheritdoc/>
    public override Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        LinearOperators.RequireVectors(this, vectors);
        Loss.EnsureDeterministic(cancellation);
        using var scope = NewDisposeScope();
        using var session = Loss.Enter();
        using ParameterVector centre = Loss.Space.CreateVector();
        Loss.Space.Save(centre);
        double length = Step * Math.Max(1, centre.Norm());
        Tensor products = zeros_like(vectors.detach());
        try
        {
            for (long row = 0; row < vectors.shape[0]; row++)
            {
                using var pass = NewDisposeScope();
                Tensor direction = vectors.detach().select(0, row);
                double norm = direction.norm().ToDouble();
                if (norm == 0)
                    continue;
                double h = length / norm;
                Tensor ahead = GradientAt(centre, direction, h, cancellation), behind = GradientAt(centre, direction, -h, cancellation);
                using var noGrad = no_grad();
                products.select(0, row).copy_(ahead.sub_(behind).div_(Number(2 * h)));
            }
        }
        finally
        {
            Loss.Space.Restore(centre);
        }
        RequireFinite(products);
        return products.MoveToOuterDisposeScope();
    }

    private protected override void AddProducts(BatchLoss batch, double weight, Tensor[][] directions, Tensor[][] products) =>
        throw new InvalidOperationException("differences are taken of whole gradients");

    private Tensor GradientAt(ParameterVector centre, Tensor direction, double h, CancellationToken cancellation)
    {
        Loss.Space.Restore(centre);
        using (no_grad())
        {
            using Scalar factor = h.ToScalar();
            Tensor[] views = Loss.Views(direction);
            for (int i = 0; i < views.Length; i++)
                Loss.Space.Parameters[i].add_(views[i], factor);
        }
        Tensor gradient = zeros([Dimension], DataType, Device);
        Loss.AddGradient(gradient, cancellation);
        return gradient;
    }
}
