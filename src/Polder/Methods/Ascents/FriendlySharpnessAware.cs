namespace Polder.Methods;

/// <summary>
/// Friendly SAM (Li, Zhou, He, Cheng and Huang, 2024): the ascent leaves out the full-batch part of the gradient, of which
/// m, m &lt;- lambda m + (1 - lambda) g, is the estimate. It goes along g - sigma m.
/// </summary>
/// <remarks>m starts at zero and follows the gradient g at W itself, not the reduced direction.</remarks>
public sealed record FriendlySharpnessAware : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0.</summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>The share sigma of m that the ascent leaves out, at least 0; at 0 the method is SAM.</summary>
    public double Reduction { get; init; } = 1;

    /// <summary>The memory lambda of m, 0 to 1.</summary>
    public double Decay { get; init; } = 0.9;

    internal static MethodEntry Entry { get; } = new(
        "fsam", "friendly SAM: the ascent leaves out a running mean of the gradients",
        a => new FriendlySharpnessAware { Rho = StandardOptions.RhoOf(a), Reduction = a.Number("reduction"), Decay = a.Number("beta") },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule,
        MethodOption.NotNegative("reduction", "share of the mean gradient that the ascent leaves out", 1),
        StandardOptions.Beta(0.9))
    {
        Passes = "2",
        PassesPerStep = 2,
        ExtraParameterBuffers = 3,
        Source = "Li, Zhou, He, Cheng and Huang, CVPR 2024",
        TuningGrid = [0.1, 0.2, 0.5, 1, 2],
    };

    /// <inheritdoc/>
    public string Name => "fsam";

    /// <inheritdoc/>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Require.NotNegative(Reduction);
        Require.Share(Decay);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector direction = context.Gradient, mean = context.State.Vector("mean"), next = context.State.Scratch("next");
        context.Run(Probe.Centre());
        next.CopyFrom(mean);
        next.Scale(Decay);
        next.Add(direction, 1 - Decay);
        direction.Add(next, -Reduction);
        context.Run(new Ascent(Rho.At(context.Step)).Along(context, direction));
        context.WhenAccepted(() => mean.CopyFrom(next));
    }
}
