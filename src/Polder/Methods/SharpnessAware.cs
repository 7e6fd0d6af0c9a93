using Polder.Objectives;

namespace Polder.Methods;

/// <summary>
/// Sharpness-aware minimisation (Foret, Kleiner, Mobahi and Neyshabur, 2021): the gradient at W + rho g / |g| with g the gradient at W.
/// </summary>
/// <remarks>
/// Adaptive (Kwon, Kim, Park and Choi, 2021), elementwise: the move is rho W^2 g / | |W| g |. Without normalisation (Agarwala and
/// Dauphin, 2023) the move is rho g, adaptive rho W^2 g. A gradient of zero moves nothing.
/// </remarks>
public sealed record SharpnessAware : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0, in the norm of the weights (without normalisation: a step size); at 0 a step is the base optimizer's at twice the price.</summary>
    public double Rho { get; init; } = 0.05;

    /// <summary>Whether the ascent is scaled by the weights (ASAM).</summary>
    public bool Adaptive { get; init; }

    /// <summary>Whether the ascent has length rho whatever the gradient's norm; false is unnormalised SAM.</summary>
    public bool Normalize { get; init; } = true;

    /// <inheritdoc/>
    public string Name => Adaptive ? "asam" : Normalize ? "sam" : "usam";

    /// <inheritdoc/>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public void Validate() => OptionRange.NotNegative(Rho);

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector ascent = context.Gradient;
        context.Run(Probe.Centre());
        if (Adaptive)
            context.MultiplyByWeights(ascent);
        double norm = Normalize ? ascent.Norm() : 1;
        if (Adaptive)
            context.MultiplyByWeights(ascent);
        context.Run(Probe.Along(ascent, norm > 0 ? Rho / norm : 0));
    }
}
