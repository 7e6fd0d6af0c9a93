using Polder.Noise;
using Polder.Objectives;
using TorchSharp.Modules;

namespace Polder.Methods;

/// <summary>
/// Noise stability optimization (Zhang, Li and Ju, 2024): minimises F(W) = E f(W + sigma U), which is f + (sigma^2 / 2) Tr(Hessian) up to
/// sigma^4, by the mean of the gradients at W + sigma U_j and W - sigma U_j, j = 1 .. k. The odd Taylor terms of a pair cancel: on a
/// quadratic the gradient has no noise at all.
/// </summary>
/// <remarks>g = lambda grad f(W) + (1 - lambda) / 2k sum_j (grad f(W + sigma U_j) + grad f(W - sigma U_j)); exactly 2k gradients a step at lambda = 0.</remarks>
public sealed record NoiseStability : IGradientMethod
{
    /// <summary>
    /// The standard deviation of the noise on every weight, at least 0: a number or a schedule. Where it is 0 the step is the base
    /// optimizer's, bit for bit, at one gradient.
    /// </summary>
    public Sigma Sigma { get; init; } = 0.01;

    /// <summary>The number of antithetic pairs k, at least 1; each costs two gradients.</summary>
    public int Pairs { get; init; } = 1;

    /// <summary>Which parameters get noise, and relative to what. Default: all, absolute.</summary>
    public NoiseShape Shape { get; init; } = NoiseShape.Everywhere;

    /// <summary>The weight lambda of the gradient at W itself, 0 to 1; above 0 it costs one gradient more, at 1 the step is the base optimizer's.</summary>
    public double CleanWeight { get; init; }

    /// <inheritdoc/>
    public string Name => "nso";

    /// <inheritdoc/>
    public int GradientEvaluations => Sigma.IsZero || CleanWeight == 1 ? 1 : (2 * Pairs) + (CleanWeight > 0 ? 1 : 0);

    /// <inheritdoc/>
    public void Validate()
    {
        Sigma.Validate();
        ArgumentNullException.ThrowIfNull(Shape);
        Shape.Validate();
        OptionRange.AtLeast(Pairs, 1);
        OptionRange.Share(CleanWeight);
    }

    /// <inheritdoc/>
    public void ValidateBase(OptimizerHelper @base) => Shape.ValidateBase(@base);

    /// <inheritdoc/>
    public NoiseStream ShapeNoise(NoiseStream noise, ParameterSpace space, OptimizerHelper @base) => Shape.Apply(noise, space, @base);

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double sigma = Sigma.At(context.Step);
        if (sigma == 0 || CleanWeight == 1)
        {
            context.Run(Probe.Centre());
            return;
        }
        var probes = new List<Probe>(GradientEvaluations);
        if (CleanWeight > 0)
            probes.Add(Probe.Centre(CleanWeight));
        double weight = (1 - CleanWeight) / (2 * Pairs);
        for (int pair = 0; pair < Pairs; pair++)
        {
            probes.Add(Probe.Noise(pair, sigma, weight));
            probes.Add(Probe.Noise(pair, -sigma, weight));
        }
        context.Run([.. probes]);
    }
}
