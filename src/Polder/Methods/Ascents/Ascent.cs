namespace Polder.Methods;

/// <summary>The ascent that the family of sharpness-aware methods shares: how far and in which metric to go along a direction.</summary>
/// <param name="Rho">The radius, or the step size where the move is not normalized.</param>
internal readonly record struct Ascent(double Rho)
{
    /// <summary>Which elements the move is scaled by.</summary>
    public enum Metric
    {
        /// <summary>None: the Euclidean ball.</summary>
        Euclidean,

        /// <summary>The weight's absolute value, elementwise.</summary>
        Weights,

        /// <summary>The norm of the convolution filter; the weight's absolute value outside of filters.</summary>
        Filters,
    }

    /// <summary>The metric T: the move is rho T^2 d / |T d|.</summary>
    public Metric Scaling { get; init; } = Metric.Euclidean;

    /// <summary>Whether the move has length rho in the metric; otherwise it is rho T^2 d.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>The parameters that move; null is all.</summary>
    public ParameterSelection? Within { get; init; }

    /// <summary>The probe at W + the move along a direction, which is overwritten.</summary>
    public Probe Along(MethodContext context, ParameterVector direction)
    {
        if (Within is not null)
            Restrict(direction, Within);
        Scale(context, direction);
        double norm = Normalize ? direction.Norm() : 1;
        Scale(context, direction);
        return Probe.Along(direction, norm > 0 ? Rho / norm : 0);
    }

    private static void Restrict(ParameterVector direction, ParameterSelection within)
    {
        for (int i = 0; i < direction.Blocks.Count; i++)
            if (!within.Contains(direction.Space.Parameters[i]))
                direction.Blocks[i].zero_().Dispose(); // unlike other operations in place, zero_ returns a tensor of its own
    }

    private void Scale(MethodContext context, ParameterVector direction)
    {
        if (Scaling == Metric.Weights)
            context.MultiplyByWeights(direction);
        else if (Scaling == Metric.Filters)
            context.MultiplyByFilterNorms(direction, leastDimensions: 3, elementwise: true);
    }
}
