namespace Polder.Methods;

/// <summary>
/// LE-SAM, loss-equated SAM (Wang, Liu, Xie and Gao, 2026): the ascent has the length that raises the loss by a budget to first order. With g the gradient
/// at W the update takes the gradient at W + rho g / |g| with rho = min(budget / |g|, the largest radius).
/// </summary>
/// <remarks>
/// SAM's constant radius raises the loss by rho |g|, most where the gradient is large. Here the first-order rise is the same at every step, so what the
/// update lowers beside it is the curvature along g. Near a minimum |g| falls and the radius grows, up to its limit.
/// </remarks>
public sealed record LossEquatedSharpnessAware : IGradientMethod
{
    /// <summary>
    /// The rise of the loss, at least 0, in units of the loss: a number or a schedule. Where it is 0 the step is the base optimizer's, at one gradient.
    /// </summary>
    public Schedule LossBudget { get; init; } = 0.35;

    /// <summary>The largest radius, at least 0, in units of the weights: a number or a schedule.</summary>
    public Schedule Rho { get; init; } = 0.3;

    internal static MethodEntry Entry { get; } = new(
        "lesam", "loss-equated SAM: the ascent is as long as raises the loss by a budget",
        a => new LossEquatedSharpnessAware
        {
            LossBudget = Schedule.Annealed(a.Number("loss-budget"), a.Setup.Steps, a.Number("anneal")),
            Rho = StandardOptions.RhoOf(a),
        },
        MethodOption.NotNegative("loss-budget", "rise of the loss that the ascent is worth to first order, in units of the loss", 0.35),
        MethodOption.Share("anneal", "share of the steps, the last ones, in which the budget falls to 0 by half a cosine", 0.2),
        StandardOptions.Rho(0.3),
        StandardOptions.RhoSchedule)
    {
        Passes = "2 (1 where the budget or rho is 0)",
        PassesPerStep = 2,
        ExtraParameterBuffers = 1,
        Source = "Wang, Liu, Xie and Gao, ICML 2026 (arXiv 2605.10183)",
        TuningGrid = [0.02, 0.05, 0.1, 0.2, 0.5],
    };

    /// <inheritdoc/>
    public string Name => "lesam";

    /// <inheritdoc/>
    public int GradientEvaluations => LossBudget.IsZero || Rho.IsZero ? 1 : 2;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => ActsAt(step) ? 2 : 1;

    /// <inheritdoc/>
    public bool ActsAt(long step) => LossBudget.At(step) > 0 && Rho.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        LossBudget.Validate(nameof(LossBudget));
        Rho.Validate(nameof(Rho));
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Run(Probe.Centre());
        if (!ActsAt(context.Step))
            return;
        double length = context.Gradient.Norm(), most = Rho.At(context.Step);
        double rho = length > 0 ? Math.Min(LossBudget.At(context.Step) / length, most) : most;
        context.Run(new Ascent(rho).Along(context, context.Gradient));
    }
}
