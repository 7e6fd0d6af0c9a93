namespace Polder.Optimization;

/// <summary>What a step saw and did.</summary>
/// <param name="Loss">f(W) where the method evaluates it, else the mean of the probes' losses (for NSO an estimate of F(W)).</param>
/// <param name="Losses">f at every probe, in order.</param>
/// <param name="GradientNorm">The Euclidean norm of the method's gradient, before any hook.</param>
/// <param name="Skipped">Whether the update was left out since a loss or the gradient was not finite.</param>
public sealed record StepResult(double Loss, IReadOnlyList<double> Losses, double GradientNorm, bool Skipped)
{
    /// <summary>The number of gradient evaluations that the step took, each over the whole mini-batch; probes on parts of it add up to whole ones.</summary>
    public int GradientEvaluations { get; init; } = Losses.Count;

    /// <summary>
    /// What the step's antithetic pairs showed of the curvature; null where it had none, where nothing was measured, and where it was skipped.
    /// </summary>
    public CurvatureSample? Curvature { get; init; }

    /// <summary>
    /// The running estimate of the Hessian's trace, this step included (<see cref="FlatMinimaOptimizer.Curvature"/> has the others); null where
    /// <see cref="Curvature"/> is.
    /// </summary>
    public MeanEstimate? Trace { get; init; }
}
