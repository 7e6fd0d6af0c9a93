namespace Polder.Experiments.Sensing;

/// <summary>Evaluates all probes of a step of a <see cref="SensingProblem"/> in one pass over the measurements; the parameters never move.</summary>
public sealed class SensingProbeRunner : IProbeRunner
{
    private ProbeStep? _step;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The step's objective is not a <see cref="SensingProblem"/>.</exception>
    public void Begin(ProbeStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        if (step.Objective is not SensingProblem)
            throw new ArgumentException($"the objective is {step.Objective.GetType().Name}: this runner evaluates a {nameof(SensingProblem)}", nameof(step));
        _step = step;
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<Probe> probes, ParameterVector gradient, Span<double> losses)
    {
        ProbeStep step = _step ?? throw new InvalidOperationException("Run outside a step: call Begin first");
        ((SensingProblem)step.Objective).Run(step, probes, gradient, losses, keep: false);
    }

    /// <inheritdoc/>
    public void ReturnToCentre()
    {
        // The parameters have not moved.
    }

    /// <inheritdoc/>
    public void End(bool completed) => _step = null;

    /// <inheritdoc/>
    public void Dispose() => _step = null;
}
