namespace Polder.Methods;

/// <summary>
/// Sharpness-aware minimization (Foret, Kleiner, Mobahi and Neyshabur, 2021): the gradient at W + rho g / |g| with g the gradient at W.
/// </summary>
/// <remarks>
/// Adaptive (Kwon, Kim, Park and Choi, 2021): the move is rho T^2 g / |T g| with T = |W| elementwise, or the norms of the convolution
/// filters. Without normalization (Agarwala and Dauphin, 2023) the move is rho g, adaptive rho T^2 g. Within a selection of parameters
/// (Mueller, Vlaar, Rolnick and Hein, 2023, move the normalization layers only) the others stay where they are. A gradient of zero
/// moves nothing.
/// </remarks>
public sealed record SharpnessAware : IGradientMethod
{
    /// <summary>
    /// The radius of the ascent, at least 0, in the norm of the weights (without normalization: a step size): a number or a schedule. Where it is 0 the
    /// step is the base optimizer's, bit for bit, at one gradient.
    /// </summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>Whether the ascent is scaled by the weights (ASAM).</summary>
    public bool Adaptive { get; init; }

    /// <summary>
    /// Whether an adaptive ascent takes the norm of a convolution's filter for each of its weights; parameters of fewer than three dimensions stay
    /// elementwise.
    /// </summary>
    public bool FilterWise { get; init; }

    /// <summary>Whether the ascent has length rho whatever the gradient's norm; false is unnormalized SAM.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>The parameters that the ascent moves, and whose gradient is normalized; null is all.</summary>
    public ParameterSelection? Within { get; init; }

    internal static MethodEntry Sam { get; } = Entry(
        "sam", "sharpness-aware minimization: the gradient after an ascent of length rho", "Foret, Kleiner, Mobahi and Neyshabur, ICLR 2021",
        0.05, [0.1, 0.2, 0.5, 1, 2], a => new SharpnessAware { Rho = StandardOptions.RhoOf(a) });

    internal static MethodEntry Asam { get; } = Entry(
        "asam", "adaptive SAM: the ascent is scaled by the weights", "Kwon, Kim, Park and Choi, ICML 2021",
        0.5, [0.2, 0.5, 1, 2, 5], a => new SharpnessAware { Rho = StandardOptions.RhoOf(a), Adaptive = true, FilterWise = a.Word("metric") == "filter" },
        MethodOption.Word("metric", "what scales the ascent: each weight's absolute value, or the norm of its convolution filter", "element",
            "element", "filter"));

    internal static MethodEntry Usam { get; } = Entry(
        "usam", "unnormalized SAM: the ascent is rho times the gradient", "Agarwala and Dauphin, ICML 2023",
        0.05, [0.02, 0.05, 0.1, 0.2, 0.5], a => new SharpnessAware { Rho = StandardOptions.RhoOf(a), Normalize = false });

    internal static MethodEntry Samon { get; } = Entry(
        "samon", "SAM whose ascent moves the normalization layers only", "Mueller, Vlaar, Rolnick and Hein, NeurIPS 2023",
        0.05, [0.1, 0.2, 0.5, 1, 2], a => new SharpnessAware { Rho = StandardOptions.RhoOf(a), Within = a.Setup.NormalizationLayers() });

    /// <inheritdoc/>
    public string Name => Adaptive ? "asam" : !Normalize ? "usam" : Within is null ? "sam" : "samon";

    /// <inheritdoc/>
    public int GradientEvaluations => Rho.IsZero ? 1 : 2;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Rho.At(step) == 0 ? 1 : 2;

    /// <inheritdoc/>
    public ParameterSelection? Moves => Within;

    /// <inheritdoc/>
    public bool ActsAt(long step) => Rho.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Require.That(!FilterWise || Adaptive, FilterWise, "false without Adaptive, of which it is a form");
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Run(Probe.Centre());
        double rho = Rho.At(context.Step);
        if (rho == 0)
            return;
        var ascent = new Ascent(rho)
        {
            Scaling = FilterWise ? Ascent.Metric.Filters : Adaptive ? Ascent.Metric.Weights : Ascent.Metric.Euclidean,
            Normalize = Normalize,
            Within = Within,
        };
        context.Run(ascent.Along(context, context.Gradient));
    }

    private static MethodEntry Entry(
        string name, string summary, string source, double rho, IReadOnlyList<double> grid, Func<MethodArguments, IGradientMethod> create,
        params MethodOption[] more) =>
        new(name, summary, create, [StandardOptions.Rho(rho), StandardOptions.RhoSchedule, .. more])
        {
            Passes = "2",
            PassesPerStep = 2,
            ExtraParameterBuffers = 1,
            Source = source,
            TuningGrid = grid,
        };
}
