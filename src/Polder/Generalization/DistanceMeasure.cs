namespace Polder.Generalization;

/// <summary>The curvature along the way that a layer's weights have gone.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Distance">r_l = |W_l - W0_l|.</param>
/// <param name="Curvature">(W_l - W0_l)^T H_ll (W_l - W0_l), H_ll the layer's diagonal block.</param>
public sealed record LayerDistance(ParameterBlock Layer, double Distance, double Curvature);

/// <summary>Distance and curvature from a start, in one number.</summary>
/// <param name="Value">(W - W0)^T H (W - W0) over all layers together.</param>
/// <param name="Layers">The same for each layer by itself; their sum leaves out what couples the layers.</param>
/// <param name="Products">The products with the matrix.</param>
public sealed record DistanceMeasureResult(double Value, IReadOnlyList<LayerDistance> Layers, long Products);

/// <summary>
/// The distance-based measure of generalization, (W - W0)^T H (W - W0): how much of a fine-tuning's way led through curved directions. It is
/// the quadratic term of the loss at W0 seen from W, doubled.
/// </summary>
public static class DistanceMeasure
{
    /// <summary>Computes the measure, exactly: one product a layer.</summary>
    /// <param name="curvature">The matrix H.</param>
    /// <param name="difference">W - W0 as a flat vector, [d], of the matrix's type.</param>
    /// <param name="layers">The layers: blocks of the vector that do not overlap.</param>
    /// <param name="productsAtOnce">Products that share a pass over the data, 1 or more.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="ArgumentException">The vector has another length, there is no layer, or one lies outside of it.</exception>
    public static DistanceMeasureResult Of(
        ILinearOperator curvature, Tensor difference, IReadOnlyList<ParameterBlock> layers, int productsAtOnce = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(curvature);
        ArgumentNullException.ThrowIfNull(difference);
        ArgumentNullException.ThrowIfNull(layers);
        Require.AtLeast(productsAtOnce, 1);
        if (difference.dim() != 1 || difference.shape[0] != curvature.Dimension)
            throw new ArgumentException(
                $"the difference has shape [{string.Join(", ", difference.shape)}]; allowed: [{curvature.Dimension}]", nameof(difference));
        if (layers.Count == 0)
            throw new ArgumentException("there is no layer", nameof(layers));
        if (layers.FirstOrDefault(l => l.Offset < 0 || l.Count < 1 || l.Offset + l.Count > curvature.Dimension) is { } outside)
            throw new ArgumentException(
                $"layer {outside.Name} is {outside.Offset} to {outside.Offset + outside.Count}; the vector has {curvature.Dimension} elements", nameof(layers));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor whole = zeros_like(difference);
        var found = new List<LayerDistance>();
        double value = 0;
        foreach (ParameterBlock layer in layers)
            whole.narrow(0, layer.Offset, layer.Count).copy_(difference.narrow(0, layer.Offset, layer.Count));
        foreach (ParameterBlock[] chunk in layers.Chunk(productsAtOnce))
        {
            using var pass = NewDisposeScope();
            Tensor vectors = zeros([chunk.Length, curvature.Dimension], curvature.DataType, curvature.Device);
            for (int i = 0; i < chunk.Length; i++)
                vectors[i].narrow(0, chunk[i].Offset, chunk[i].Count).copy_(difference.narrow(0, chunk[i].Offset, chunk[i].Count));
            Tensor products = curvature.Multiply(vectors, cancellation);
            for (int i = 0; i < chunk.Length; i++)
            {
                value += Dot(products[i], whole); // the products add up to H (W - W0)
                found.Add(new LayerDistance(chunk[i], Math.Sqrt(Dot(vectors[i], vectors[i])), Dot(products[i], vectors[i])));
            }
        }
        return new DistanceMeasureResult(value, found, layers.Count);
    }

    /// <summary>W - W0 as a flat vector, for a space of one data type.</summary>
    /// <param name="space">W: the weights as they stand.</param>
    /// <param name="start">W0 (<see cref="WeightDistance.StartOf"/>).</param>
    /// <returns>[d]; a new tensor of the caller's dispose scope.</returns>
    public static Tensor Difference(ParameterSpace space, ParameterVector start)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(start);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. space.Parameters.Select((p, i) => p.sub(start.Blocks[i]).reshape(-1))]).MoveToOuterDisposeScope();
    }

    private static double Dot(Tensor a, Tensor b) => a.to(ScalarType.Float64).dot(b.to(ScalarType.Float64)).ToDouble();
}
