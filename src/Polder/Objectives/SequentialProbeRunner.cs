using static TorchSharp.torch;

namespace Polder.Objectives;

/// <summary>Evaluates probes one after another by moving the parameters in place; keeps one copy of them, and only where a probe leaves W.</summary>
public sealed class SequentialProbeRunner : IProbeRunner
{
    private readonly ModelBuffers? _buffers;
    private readonly bool _replayRandomNumbers;
    private ParameterVector? _centre;
    private bool _saved;
    private Probe? _standing; // where the parameters stand; null at the centre
    private ProbeStep? _step;
    private Tensor? _randomState;
    private bool _first;

    /// <summary>Makes a runner.</summary>
    /// <param name="model">The model whose buffers the probes move; null where it has none, or where they may move with every probe.</param>
    /// <param name="batchNorm">What the probes of a step do to the buffers.</param>
    /// <param name="replayRandomNumbers">
    /// Whether all probes of a step see the same random numbers of torch's default CPU generator (dropout, augmentation inside the
    /// closure), so that the gradients at W + U and W - U differ by U alone. The generator advances once a step.
    /// </param>
    public SequentialProbeRunner(nn.Module? model = null, BatchNormPolicy batchNorm = BatchNormPolicy.OncePerStep, bool replayRandomNumbers = true)
    {
        _buffers = model is null ? null : new ModelBuffers(model, batchNorm);
        _replayRandomNumbers = replayRandomNumbers;
    }

    /// <inheritdoc/>
    public void Begin(ProbeStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        _step = step;
        _saved = false;
        _standing = null;
        _first = true;
        _buffers?.Begin();
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<Probe> probes, ParameterVector gradient, Span<double> losses)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        ProbeStep step = _step ?? throw new InvalidOperationException("Run needs a step: call Begin first");
        for (int i = 0; i < probes.Length; i++)
        {
            Probe probe = probes[i];
            if (i > 0 && ReferenceEquals(probe.Vector, gradient))
                throw new ArgumentException("only the first probe of a run can go along the vector that the gradients are summed into", nameof(probes));
            MoveTo(step, probe);
            if (i == 0)
                gradient.Zero();
            _buffers?.BeforeProbe(probe.Direction == ProbeDirection.Centre);
            ReplayRandomNumbers();
            losses[i] = probe.Rows is { } rows
                ? Sliced(step.Objective).Accumulate(step.Space, gradient, probe.Weight, rows)
                : step.Objective.Accumulate(step.Space, gradient, probe.Weight);
        }
    }

    /// <inheritdoc/>
    public double Evaluate()
    {
        ProbeStep step = _step ?? throw new InvalidOperationException("Evaluate needs a step: call Begin first");
        if (step.Objective is not IForwardObjective objective)
            throw MicroBatchObjective.Unable(step.Objective);
        ReturnToCentre();
        _buffers?.BeforeProbe(isCentre: true);
        ReplayRandomNumbers();
        return objective.Evaluate(step.Space);
    }

    /// <inheritdoc/>
    public void ReturnToCentre()
    {
        if (_standing is not null)
            _step!.Space.Restore(_centre!);
        _standing = null;
    }

    /// <inheritdoc/>
    public void End(bool completed)
    {
        if (_step is null)
            return;
        ReturnToCentre();
        _buffers?.End(completed);
        _step = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffers?.Dispose();
        _centre?.Dispose();
        _randomState?.Dispose();
        _centre = null;
        _randomState = null;
    }

    private static ISlicedObjective Sliced(IObjective objective) => objective as ISlicedObjective
        ?? throw new InvalidOperationException($"a probe sees part of the mini-batch, and {objective.GetType().Name} has no parts: give the step an {nameof(ISlicedObjective)}");

    private void MoveTo(ProbeStep step, Probe probe)
    {
        if (probe.Direction == ProbeDirection.Centre)
        {
            ReturnToCentre();
            return;
        }
        if (!_saved)
            Save(step.Space);
        Probe? standing = _standing;
        // From here on a failure leaves the parameters somewhere unknown; anything but null makes End restore them.
        _standing = probe;
        if (probe.Direction == ProbeDirection.Vector)
        {
            if (standing is not null)
                step.Space.Restore(_centre!);
            step.Space.Move(probe.Vector!, probe.Scale);
        }
        else if (standing is { Direction: ProbeDirection.Noise } last && last.Draw == probe.Draw && last.Scale == -probe.Scale)
        {
            step.Space.Mirror(_centre!);
        }
        else
        {
            step.Space.MoveTo(_centre!, step.Noise, step.Step, probe.Draw, probe.Scale);
        }
    }

    private void Save(ParameterSpace space)
    {
        if (!ReferenceEquals(_centre?.Space, space))
        {
            _centre?.Dispose();
            _centre = space.CreateVector();
        }
        space.Save(_centre!);
        _saved = true;
    }

    private void ReplayRandomNumbers()
    {
        if (!_replayRandomNumbers)
            return;
        if (_first)
        {
            _randomState?.Dispose();
            _randomState = get_rng_state().DetachFromDisposeScope();
        }
        else
        {
            set_rng_state(_randomState!);
        }
        _first = false;
    }
}
