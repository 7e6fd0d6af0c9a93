namespace Polder.Methods;

/// <summary>
/// Noise stability optimization (Zhang, Li and Ju, 2024): minimizes F(W) = E f(W + sigma U), which is f + (sigma^2 / 2) Tr(Hessian) up to
/// sigma^4, by the mean of the gradients at W + sigma U_j and W - sigma U_j, j = 1 .. k. The odd Taylor terms of a pair cancel: on a
/// quadratic the gradient has no noise at all.
/// </summary>
/// <remarks>
/// g = lambda grad f(W) + (1 - lambda) / 2k sum_j (grad f(W + sigma U_j) + grad f(W - sigma U_j)); exactly 2k gradients a step at lambda = 0.
/// </remarks>
public sealed record NoiseStability : IGradientMethod
{
    /// <summary>
    /// The standard deviation of the noise on every weight, at least 0: a number, a schedule, or <see cref="Sigma.Auto"/>. Where it is 0 the step is the base
    /// optimizer's, bit for bit, at one gradient.
    /// </summary>
    public Sigma Sigma { get; init; } = 0.01;

    /// <summary>The number of antithetic pairs k, at least 1; each costs two gradients.</summary>
    public int Pairs { get; init; } = 1;

    /// <summary>Which parameters get noise, and relative to what. Default: all, absolute.</summary>
    public NoiseShape Shape { get; init; } = NoiseShape.Everywhere;

    /// <summary>The weight lambda of the gradient at W itself, 0 to 1; above 0 it costs one gradient more, at 1 the step is the base optimizer's.</summary>
    public double CleanWeight { get; init; }

    /// <summary>Whether each point sees the whole mini-batch, at 2k gradients a step, or its own part of it, at one. Default: the whole.</summary>
    public Passes Passes { get; init; }

    /// <summary>
    /// The noise comes at every so manyth step, the first included, at least 1; the steps between are the base optimizer's, at one gradient. Default
    /// 1.
    /// </summary>
    public int Every { get; init; } = 1;

    internal static MethodEntry Entry { get; } = new(
        "nso", "noise stability optimization: the mean of the gradients at antithetic pairs of perturbed weights",
        a => new NoiseStability
        {
            Sigma = StandardOptions.SigmaOf(a),
            Pairs = a.Count("pairs"),
            Shape = StandardOptions.ShapeOf(a),
            CleanWeight = a.Number("clean-weight"),
            Passes = a.Word("passes") == "split" ? Passes.Split : Passes.Full,
            Every = a.Count("every"),
        },
        StandardOptions.SigmaOrAuto(0.01),
        StandardOptions.Schedule,
        StandardOptions.Pairs(1),
        StandardOptions.CleanWeight,
        MethodOption.Word("passes", "whether each point sees the whole batch, or its own part of it at one gradient a step", "full", "full", "split"),
        StandardOptions.Every(1),
        StandardOptions.Noise,
        StandardOptions.Scale,
        StandardOptions.Where)
    {
        Passes = "2 x pairs (split: 1), one more where clean-weight is above 0; 1 where sigma is 0 and between every N-th step",
        PassesPerStep = 2,
        ExtraParameterBuffers = 1,
        Source = "Zhang, Li and Ju, TMLR 2024",
        TuningGrid = [0.005, 0.01, 0.02, 0.04, 0.08],
    };

    /// <inheritdoc/>
    public string Name => "nso";

    /// <inheritdoc/>
    public int GradientEvaluations => Sigma.IsZero || CleanWeight == 1 ? 1 : (Passes == Passes.Split ? 1 : 2 * Pairs) + (CleanWeight > 0 ? 1 : 0);

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => step % Every != 0 || Sigma.At(step) == 0 ? 1 : GradientEvaluations;

    /// <inheritdoc/>
    public ParameterSelection? Moves => Shape.Within;

    /// <inheritdoc/>
    public bool ActsAt(long step) => CleanWeight < 1 && step % Every == 0 && Sigma.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        Sigma.Validate(hasPairs: true);
        ArgumentNullException.ThrowIfNull(Shape);
        Shape.Validate();
        Require.AtLeast(Pairs, 1);
        Require.Share(CleanWeight);
        Require.AtLeast(Every, 1);
        Require.Known(Passes);
    }

    /// <inheritdoc/>
    public void ValidateBase(OptimizerHelper @base) => Shape.ValidateBase(@base);

    /// <inheritdoc/>
    public NoiseStream ShapeNoise(NoiseStream noise, ParameterSpace space, OptimizerHelper @base) => Shape.Apply(noise, space, @base);

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double sigma = context.Step % Every == 0 ? Sigma.At(context) : 0;
        if (sigma == 0 || CleanWeight == 1)
        {
            context.Run(Probe.Centre());
            return;
        }
        var probes = new List<Probe>((2 * Pairs) + 1);
        if (CleanWeight > 0)
            probes.Add(Probe.Centre(CleanWeight));
        Range?[] parts = Parts(context);
        for (int point = 0; point < parts.Length; point++)
        {
            double weight = parts[point] is { } rows
                ? (1 - CleanWeight) * rows.GetOffsetAndLength(context.Rows!.Value).Length / context.Rows.Value
                : (1 - CleanWeight) / parts.Length;
            probes.Add(Probe.Noise(point / 2, point % 2 == 0 ? sigma : -sigma, weight) with { Rows = parts[point] });
        }
        context.Run([.. probes]);
        Sigma.Follow(context);
    }

    // What each of the 2k points sees of the batch; null is all of it.
    private Range?[] Parts(MethodContext context)
    {
        var parts = new Range?[2 * Pairs];
        if (Passes == Passes.Full)
            return parts;
        int rows = context.Rows ?? throw new InvalidOperationException(
            "nso with Passes = Split evaluates parts of the mini-batch, which this objective does not have: "
                + "call Step(rows, range => loss over images[range]), or set Passes = Full");
        if (rows < context.LeastRows * parts.Length)
            return parts;
        for (int i = 0; i < parts.Length; i++)
            parts[i] = (int)((long)rows * i / parts.Length)..(int)((long)rows * (i + 1) / parts.Length);
        return parts;
    }
}
