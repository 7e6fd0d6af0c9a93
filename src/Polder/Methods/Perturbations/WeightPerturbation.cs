namespace Polder.Methods;

/// <summary>
/// Naive noise injection (WP-SGD): the mean of the gradients at W + sigma U_j, j = 1 .. k. Unbiased for the gradient of
/// F(W) = E f(W + sigma U), but the first-order term of the Hessian times U adds variance that <see cref="NoiseStability"/> cancels.
/// </summary>
/// <remarks>g = lambda grad f(W) + (1 - lambda) / k sum_j grad f(W + sigma U_j); exactly k gradients a step at lambda = 0.</remarks>
public sealed record WeightPerturbation : IGradientMethod
{
    /// <summary>
    /// The standard deviation of the noise on every weight, at least 0: a number or a schedule. Where it is 0 the step is the base
    /// optimizer's, bit for bit, at one gradient.
    /// </summary>
    public Sigma Sigma { get; init; } = 0.01;

    /// <summary>The number of draws k, at least 1; each costs one gradient.</summary>
    public int Draws { get; init; } = 1;

    /// <summary>Which parameters get noise, and relative to what. Default: all, absolute.</summary>
    public NoiseShape Shape { get; init; } = NoiseShape.Everywhere;

    /// <summary>The weight lambda of the gradient at W itself, 0 to 1; above 0 it costs one gradient more, at 1 the step is the base optimizer's.</summary>
    public double CleanWeight { get; init; }

    internal static MethodEntry Entry { get; } = new(
        "wp", "naive noise injection: the mean of the gradients at randomly perturbed weights",
        a => new WeightPerturbation
        {
            Sigma = StandardOptions.SigmaOf(a),
            Shape = StandardOptions.ShapeOf(a),
            Draws = a.Count("draws"),
            CleanWeight = a.Number("clean-weight"),
        },
        StandardOptions.Sigma(0.01),
        StandardOptions.Schedule,
        MethodOption.Count("draws", "noise draws a step: one gradient each", 1),
        StandardOptions.CleanWeight,
        StandardOptions.Noise,
        StandardOptions.Scale,
        StandardOptions.Where)
    {
        Passes = "draws, one more where clean-weight is above 0 (1 where sigma is 0)",
        PassesPerStep = 1,
        ExtraParameterBuffers = 1,
        Source = "the baseline of Zhang, Li and Ju, TMLR 2024 (WP-SGD)",
        TuningGrid = [0.0025, 0.005, 0.01, 0.02, 0.04],
    };

    /// <inheritdoc/>
    public string Name => "wp";

    /// <inheritdoc/>
    public int GradientEvaluations => Sigma.IsZero || CleanWeight == 1 ? 1 : Draws + (CleanWeight > 0 ? 1 : 0);

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Sigma.At(step) == 0 ? 1 : GradientEvaluations;

    /// <inheritdoc/>
    public ParameterSelection? Moves => Shape.Within;

    /// <inheritdoc/>
    public bool ActsAt(long step) => CleanWeight < 1 && Sigma.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        Sigma.Validate();
        ArgumentNullException.ThrowIfNull(Shape);
        Shape.Validate();
        Require.AtLeast(Draws, 1);
        Require.Share(CleanWeight);
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
        IEnumerable<Probe> probes = Enumerable.Range(0, Draws).Select(draw => Probe.Noise(draw, sigma, (1 - CleanWeight) / Draws));
        context.Run([.. CleanWeight > 0 ? probes.Prepend(Probe.Centre(CleanWeight)) : probes]);
    }
}
