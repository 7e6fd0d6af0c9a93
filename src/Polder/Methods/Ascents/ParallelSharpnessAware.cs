namespace Polder.Methods;

/// <summary>
/// SAMPa (Xie, Pethick and Cevher, 2024): SAM whose ascent takes the gradient of the step before at an auxiliary point y, so that its two gradients do not
/// wait for each other. With h the gradient at y, x = W and eta the learning rate:
/// y &lt;- x - eta h, g = (1 - lambda) grad f(x + rho h / |h|) + lambda grad f(y), h &lt;- grad f(y).
/// </summary>
/// <remarks>
/// h is 0 before the first step, whose two points are W. eta is the base optimizer's, group by group; y is a plain gradient step, as in the paper. Both
/// gradients see the mini-batch at hand, and h comes from the one before; the authors' program takes the gradient at x + rho h / |h| on the batch before.
/// </remarks>
public sealed record ParallelSharpnessAware : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0: a number or a schedule.</summary>
    public Schedule Rho { get; init; } = 0.1;

    /// <summary>The weight lambda of the gradient at the auxiliary point, 0 to 1.</summary>
    public double Mix { get; init; } = 0.2;

    internal static MethodEntry Entry { get; } = new(
        "sampa", "SAMPa: SAM whose two gradients do not wait for each other",
        a => new ParallelSharpnessAware { Rho = StandardOptions.RhoOf(a), Mix = a.Number("mix") },
        StandardOptions.Rho(0.1),
        StandardOptions.RhoSchedule,
        MethodOption.Share("mix", "weight lambda of the gradient at the auxiliary point", 0.2))
    {
        Passes = "2",
        PassesPerStep = 2,
        ExtraParameterBuffers = 3,
        Source = "Xie, Pethick and Cevher, NeurIPS 2024 (arXiv 2410.10683)",
        ActsWithoutStrength = true,
        TuningGrid = [0.05, 0.1, 0.2, 0.5, 1],
    };

    /// <inheritdoc/>
    public string Name => "sampa";

    /// <inheritdoc/>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Require.Share(Mix);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector last = context.State.Vector("auxiliary"), work = context.State.Scratch("work");
        double length = last.Norm();
        work.CopyFrom(last);
        context.MultiplyByLearningRates(work);
        // W before the first step, and where everything is at rest.
        context.RunInto(work, Probe.Along(work, length > 0 ? -1 : 0));
        context.Run(Probe.Along(last, length > 0 ? Rho.At(context.Step) / length : 0));
        context.Gradient.Scale(1 - Mix);
        context.Gradient.Add(work, Mix);
        context.WhenAccepted(() => last.CopyFrom(work));
    }
}
