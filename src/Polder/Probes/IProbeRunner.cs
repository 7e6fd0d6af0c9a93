namespace Polder.Probes;

/// <summary>What all probes of one step have in common.</summary>
/// <param name="Objective">The function, the same for all probes.</param>
/// <param name="Space">The parameters.</param>
/// <param name="Noise">The stream that the step's draws come from.</param>
/// <param name="Step">The number of the step, from 0.</param>
public sealed record ProbeStep(IObjective Objective, ParameterSpace Space, NoiseStream Noise, long Step)
{
    /// <summary>Where a runner that moves the parameters leaves what antithetic pairs show of the curvature; null where nobody wants it.</summary>
    internal PairCurvature? Curvature { get; init; }

    /// <summary>A copy of W, where the method may have moved the parameters itself: probes start from it. null where only the runner moves them.</summary>
    internal ParameterVector? Centre { get; init; }

    /// <summary>The same function of a second mini-batch; null where the step has one only.</summary>
    public IObjective? Second { get; init; }

    /// <summary>Adds a probe's part of the sum, where the parameters stand.</summary>
    /// <returns>f there.</returns>
    internal double Accumulate(ParameterVector gradient, Probe probe)
    {
        IObjective objective = ObjectiveOf(probe);
        if (probe.Derivative != OutputDerivative.Own)
        {
            return (objective as IOutputObjective ?? throw OutputObjective.Unable(objective))
                .Accumulate(Space, gradient, probe.Weight, probe.Rows, probe.Derivative);
        }
        return probe.Rows is { } rows
            ? (objective as ISlicedObjective ?? throw Unsliced(objective)).Accumulate(Space, gradient, probe.Weight, rows)
            : objective.Accumulate(Space, gradient, probe.Weight);
    }

    /// <summary>The rows of the mini-batch that a probe is of; null where its objective has none.</summary>
    internal int? RowsOf(Probe probe) => (ObjectiveOf(probe) as ISlicedObjective)?.Rows;

    private IObjective ObjectiveOf(Probe probe) => !probe.OfSecondBatch ? Objective
        : Second ?? throw new InvalidOperationException("a probe sees a second mini-batch and the step has one: call Step(objective, second)");

    private static InvalidOperationException Unsliced(IObjective objective) => new(
        $"a probe sees part of the mini-batch, and {objective.GetType().Name} has no parts: give the step an {nameof(ISlicedObjective)}");
}

/// <summary>Evaluates the probes of a step and sums their gradients: one after another, all in one pass, or on several machines.</summary>
/// <remarks>
/// A step is <see cref="Begin"/>, any number of <see cref="Run"/>, <see cref="End"/>. After <see cref="End"/> the parameters are bit for bit where
/// they were at <see cref="Begin"/>.
/// </remarks>
public interface IProbeRunner : IDisposable
{
    /// <summary>Starts a step.</summary>
    void Begin(ProbeStep step);

    /// <summary>Sets <paramref name="gradient"/> to the weighted sum of the probes' gradients.</summary>
    /// <param name="probes">The probes, evaluated in this order or all at once.</param>
    /// <param name="gradient">The vector to fill; its earlier content is lost (a first probe along this very vector still uses it).</param>
    /// <param name="losses">Receives f at each probe, in order; as long as <paramref name="probes"/>.</param>
    void Run(ReadOnlySpan<Probe> probes, ParameterVector gradient, Span<double> losses);

    /// <summary>f at W without its gradient: what moves the model's buffers under <see cref="BatchNormPolicy.CleanForward"/>.</summary>
    /// <exception cref="NotSupportedException">The runner, or the step's objective, cannot.</exception>
    double Evaluate() => throw new NotSupportedException($"{GetType().Name} has no forward pass without a gradient");

    /// <summary>
    /// Whether the optimizer asks for <see cref="Evaluate"/> once the probes have run (<see cref="BatchNormPolicy.CleanForward"/>). Default: no, the runner
    /// has its own way with the model's buffers.
    /// </summary>
    bool WantsCleanForward => false;

    /// <summary>Puts the parameters back where they were, in case they have been moved; a method that needs them between two runs calls it.</summary>
    void ReturnToCentre();

    /// <summary>Ends the step: the parameters are back, and what the model keeps beside them is settled.</summary>
    /// <param name="completed">false where the step failed: then the model's buffers, too, are as they were at <see cref="Begin"/>.</param>
    void End(bool completed);
}
