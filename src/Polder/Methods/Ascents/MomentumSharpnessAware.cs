namespace Polder.Methods;

/// <summary>
/// Momentum SAM (Becker, Altrock and Risse, 2024): the gradient at W - rho v / |v| with the method's own momentum
/// v &lt;- beta v + g of those gradients. One gradient a step, with any base optimizer; the first step is not perturbed.
/// </summary>
public sealed record MomentumSharpnessAware : IGradientMethod
{
    /// <summary>The radius of the perturbation, at least 0; at 0 the step is the base optimizer's.</summary>
    public Schedule Rho { get; init; } = 0.3;

    /// <summary>The decay beta of the momentum, 0 to 1.</summary>
    public double Beta { get; init; } = 0.9;

    internal static MethodEntry Entry { get; } = new(
        "msam", "momentum SAM: the perturbation follows the momentum, so a step costs one gradient",
        a => new MomentumSharpnessAware { Rho = StandardOptions.RhoOf(a), Beta = a.Number("beta") },
        StandardOptions.Rho(0.3),
        StandardOptions.RhoSchedule,
        StandardOptions.Beta(0.9))
    {
        Passes = "1",
        PassesPerStep = 1,
        ExtraParameterBuffers = 2,
        Source = "Becker, Altrock and Risse, 2024 (arXiv 2401.12033)",
        TuningGrid = [0.2, 0.5, 1, 2, 5],
    };

    /// <inheritdoc/>
    public string Name => "msam";

    /// <inheritdoc/>
    public int GradientEvaluations => 1;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Require.Share(Beta);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector momentum = context.State.Vector("momentum");
        double length = momentum.Norm();
        context.Run(Probe.Along(momentum, length > 0 ? -Rho.At(context.Step) / length : 0));
        context.WhenAccepted(() =>
        {
            momentum.Scale(Beta);
            momentum.Add(context.Gradient);
        });
    }
}
