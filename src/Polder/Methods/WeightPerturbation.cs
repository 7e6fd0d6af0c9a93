using Polder.Objectives;

namespace Polder.Methods;

/// <summary>
/// Naive noise injection (WP-SGD): the mean of the gradients at W + sigma U_j, j = 1 .. k. Unbiased for the gradient of
/// F(W) = E f(W + sigma U), but the first-order term of the Hessian times U adds variance that <see cref="NoiseStability"/> cancels.
/// </summary>
public sealed record WeightPerturbation : IGradientMethod
{
    /// <summary>The standard deviation of the noise on every weight, at least 0; at 0 the step is the base optimizer's, bit for bit.</summary>
    public double Sigma { get; init; } = 0.01;

    /// <summary>The number of draws k, at least 1; each costs one gradient.</summary>
    public int Draws { get; init; } = 1;

    /// <inheritdoc/>
    public string Name => "wp";

    /// <inheritdoc/>
    public int GradientEvaluations => Sigma == 0 ? 1 : Draws;

    /// <inheritdoc/>
    public void Validate()
    {
        OptionRange.NotNegative(Sigma);
        OptionRange.AtLeast(Draws, 1);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (Sigma == 0)
        {
            context.Run(Probe.Centre());
            return;
        }
        var probes = new Probe[Draws];
        for (int draw = 0; draw < Draws; draw++)
            probes[draw] = Probe.Noise(draw, Sigma, 1.0 / Draws);
        context.Run(probes);
    }
}
