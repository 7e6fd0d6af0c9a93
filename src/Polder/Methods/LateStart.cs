namespace Polder.Methods;

/// <summary>
/// A method that begins late: before its first step the base optimizer trains alone, at one gradient a step
/// (<see cref="IGradientMethod.ComputeGradientBeforeStart"/>). Of SAM it is known that the last part of a
/// training decides which minimum is found ("Sharpness-aware minimization efficiently selects flatter minima late in training", arXiv 2410.10373).
/// </summary>
/// <remarks>
/// Schedules and intervals of the method count the steps of the whole run. What the method remembers begins at its start, but for the momentum of methods that
/// bring their own (<see cref="BayesianSharpnessAware"/>, <see cref="VariationalOnlineNewton"/>): that is the base optimizer's there, and goes on.
/// </remarks>
public sealed record LateStart : DecoratedMethod
{
    /// <summary>Lets a method begin late.</summary>
    /// <param name="method">The method.</param>
    /// <param name="firstStep">Its first step, at least 0; 0 is the method itself.</param>
    public LateStart(IGradientMethod method, long firstStep)
        : base(method) => FirstStep = firstStep;

    /// <summary>The method's first step, at least 0.</summary>
    public long FirstStep { get; }

    /// <inheritdoc/>
    public override int GradientEvaluationsAt(long step) => step < FirstStep ? 1 : base.GradientEvaluationsAt(step);

    /// <inheritdoc/>
    public override bool ActsAt(long step) => step >= FirstStep && base.ActsAt(step);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require.AtLeast(FirstStep, 0);
    }

    /// <inheritdoc/>
    public override void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Step < FirstStep)
            Method.ComputeGradientBeforeStart(context);
        else
            Method.ComputeGradient(context);
    }
}
