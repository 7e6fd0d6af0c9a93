namespace Polder.Methods;

/// <summary>
/// Stable SAM (Tan, Zhang, Liu, Wang and Hao, 2025): with g the gradient at W and p the gradient at W + rho g / |g|, the update takes p |g| / |p|: SAM's
/// direction at the length of the clean gradient, so that steps neither vanish nor grow where the ascent leads out of the region of W.
/// </summary>
public sealed record StableSharpnessAware : IGradientMethod
{
    /// <summary>
    /// The radius of the ascent, at least 0: a number or a schedule. Where it is 0 the step is the base optimizer's, bit for bit, at one gradient.
    /// </summary>
    public Schedule Rho { get; init; } = 0.05;

    internal static MethodEntry Entry { get; } = new(
        "ssam", "stable SAM: SAM's direction at the length of the clean gradient",
        a => new StableSharpnessAware { Rho = StandardOptions.RhoOf(a) },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule)
    {
        Passes = "2 (1 where rho is 0)",
        PassesPerStep = 2,
        ExtraParameterBuffers = 1,
        Source = "Tan, Zhang, Liu, Wang and Hao, JMLR 2025 (arXiv 2401.07250)",
        TuningGrid = [0.1, 0.2, 0.5, 1, 2],
    };

    /// <inheritdoc/>
    public string Name => "ssam";

    /// <inheritdoc/>
    public int GradientEvaluations => Rho.IsZero ? 1 : 2;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Rho.At(step) == 0 ? 1 : 2;

    /// <inheritdoc/>
    public bool ActsAt(long step) => Rho.At(step) > 0;

    /// <inheritdoc/>
    public void Validate() => Rho.Validate(nameof(Rho));

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector gradient = context.Gradient;
        context.Run(Probe.Centre());
        double rho = Rho.At(context.Step), clean = gradient.Norm();
        if (rho == 0)
            return;
        context.Run(new Ascent(rho).Along(context, gradient));
        double perturbed = gradient.Norm();
        if (perturbed > 0)
            gradient.Scale(clean / perturbed);
    }
}
