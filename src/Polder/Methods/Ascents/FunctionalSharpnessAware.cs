namespace Polder.Methods;

/// <summary>
/// Functional SAM (Singh, Mobahi, Agarwala and Dauphin, 2025): f is a loss L of the network's outputs F; SAM's gradient is J(W + e)' dL/dF at W + e, of
/// which this takes the Jacobian J at W + e = W + rho g / |g| and dL/dF at W. What moves the loss's derivative alone is left out: SAM can become flat by it
/// without a flatter function.
/// </summary>
/// <remarks>
/// The objective must show its outputs (<see cref="IOutputObjective"/>): <c>optimizer.Step(rows, range => outputs, (outputs, range) => loss)</c>.
/// </remarks>
public sealed record FunctionalSharpnessAware : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0: a number or a schedule. Where it is 0 the step is the base optimizer's at one gradient.</summary>
    public Schedule Rho { get; init; } = 0.05;

    internal static MethodEntry Entry { get; } = new(
        "functionalsam", "functional SAM: the Jacobian after the ascent, the loss's derivative before it",
        a => new FunctionalSharpnessAware { Rho = StandardOptions.RhoOf(a) },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule)
    {
        Passes = "2 (1 where rho is 0)",
        PassesPerStep = 2,
        ExtraParameterBuffers = 1,
        Source = "Singh, Mobahi, Agarwala and Dauphin, ICML 2025 (arXiv 2502.02407)",
        TuningGrid = [0.1, 0.2, 0.5, 1, 2],
    };

    /// <inheritdoc/>
    public string Name => "functionalsam";

    /// <inheritdoc/>
    public int GradientEvaluations => Rho.IsZero ? 1 : 2;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Rho.At(step) == 0 ? 1 : 2;

    /// <inheritdoc/>
    public bool ActsAt(long step) => Rho.At(step) > 0;

    /// <inheritdoc/>
    public bool TakesOutputs => true;

    /// <inheritdoc/>
    public void Validate() => Rho.Validate(nameof(Rho));

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double rho = Rho.At(context.Step);
        context.Run(Probe.Centre() with { Derivative = rho == 0 ? OutputDerivative.Own : OutputDerivative.Keep });
        if (rho == 0)
            return;
        Probe ascended = new Ascent(rho).Along(context, context.Gradient);
        context.Run(ascended with { Derivative = OutputDerivative.Kept });
    }
}
