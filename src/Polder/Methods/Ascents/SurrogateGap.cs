namespace Polder.Methods;

/// <summary>
/// GSAM, surrogate-gap guided SAM (Zhuang et al., 2022): with g the gradient at W and p the gradient at W + rho g / |g|, the update
/// takes p less alpha times the part of g that is orthogonal to p, which lowers the gap between the two losses without raising the
/// perturbed one to first order.
/// </summary>
/// <remarks>Adaptive, the ascent is that of adaptive SAM: p is the gradient at W + rho T^2 g / |T g| with T = |W| elementwise.</remarks>
public sealed record SurrogateGap : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0.</summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>The factor alpha of the orthogonal part, at least 0; at 0 the method is SAM.</summary>
    public double Alpha { get; init; } = 0.4;

    /// <summary>Whether the ascent is scaled by the weights, as in <see cref="SharpnessAware.Adaptive"/>.</summary>
    public bool Adaptive { get; init; }

    internal static MethodEntry Entry { get; } = new(
        "gsam", "surrogate-gap guided SAM: SAM less a part of the clean gradient that is orthogonal to it",
        a => new SurrogateGap { Rho = StandardOptions.RhoOf(a), Alpha = a.Number("alpha"), Adaptive = a.Word("metric") == "element" },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule,
        StandardOptions.Alpha(0.4),
        MethodOption.Word("metric", "what scales the ascent: nothing, or each weight's absolute value", "euclidean", "euclidean", "element"))
    {
        Passes = "2",
        PassesPerStep = 2,
        ExtraParameterBuffers = 2,
        Source = "Zhuang, Gong, Yuan, Cui, Adam, Dvornek, Tatikonda, Duncan and Liu, ICLR 2022",
        TuningGrid = [0.1, 0.2, 0.5, 1, 2],
    };

    /// <inheritdoc/>
    public string Name => "gsam";

    /// <inheritdoc/>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Require.NotNegative(Alpha);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector perturbed = context.Gradient, clean = context.State.Scratch("clean");
        context.RunInto(clean, Probe.Centre());
        perturbed.CopyFrom(clean);
        context.Run(new Ascent(Rho.At(context.Step)) { Scaling = Adaptive ? Ascent.Metric.Weights : Ascent.Metric.Euclidean }.Along(context, perturbed));
        double square = perturbed.Dot(perturbed);
        double parallel = square > 0 ? clean.Dot(perturbed) / square : 0;
        perturbed.Scale(1 + (Alpha * parallel));
        perturbed.Add(clean, -Alpha);
    }
}
