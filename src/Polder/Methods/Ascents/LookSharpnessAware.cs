namespace Polder.Methods;

/// <summary>
/// LookSAM (Liu, Mai, Chen, Hsieh and You, 2022): a SAM step every m steps, which also keeps v, the part of the perturbed gradient that
/// is orthogonal to the clean one. The steps between use one gradient g and take g + alpha (|g| / |v|) v.
/// </summary>
/// <remarks>Norms and angles are those of the whole vector.</remarks>
public sealed record LookSharpnessAware : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0.</summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>The factor alpha of the kept direction, at least 0.</summary>
    public double Alpha { get; init; } = 0.7;

    /// <summary>The interval m, at least 1; at 1 the method is SAM.</summary>
    public int Every { get; init; } = 5;

    internal static MethodEntry Entry { get; } = new(
        "looksam", "LookSAM: SAM at every N-th step, its direction used again between",
        a => new LookSharpnessAware { Rho = StandardOptions.RhoOf(a), Alpha = a.Number("alpha"), Every = a.Count("every") },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule,
        StandardOptions.Alpha(0.7),
        StandardOptions.Every(5))
    {
        Passes = "2 at every N-th step, 1 at the others",
        PassesPerStep = 1.2,
        ExtraParameterBuffers = 3,
        Source = "Liu, Mai, Chen, Hsieh and You, CVPR 2022",
        TuningGrid = [0.005, 0.01, 0.02, 0.05, 0.1],
    };

    /// <inheritdoc/>
    public string Name => "looksam";

    /// <summary>2 at every m-th step, 1 at the others.</summary>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => step % Every == 0 ? 2 : 1;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Require.NotNegative(Alpha);
        Require.AtLeast(Every, 1);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector gradient = context.Gradient, kept = context.State.Vector("orthogonal");
        if (context.Step % Every != 0)
        {
            context.Run(Probe.Centre());
            double length = kept.Norm();
            if (length > 0)
                gradient.Add(kept, Alpha * gradient.Norm() / length);
            return;
        }
        ParameterVector clean = context.State.Scratch("clean");
        context.RunInto(clean, Probe.Centre());
        gradient.CopyFrom(clean);
        context.Run(new Ascent(Rho.At(context.Step)).Along(context, gradient));
        double square = clean.Dot(clean);
        double parallel = square > 0 ? clean.Dot(gradient) / square : 0;
        context.WhenAccepted(() =>
        {
            kept.CopyFrom(gradient);
            kept.Add(clean, -parallel);
        });
    }
}
