namespace Polder.Probes;

/// <summary>Evaluates probes one after another by moving the parameters in place; keeps one copy of them, and only where a probe leaves W.</summary>
public sealed class SequentialProbeRunner : IProbeRunner
{
    private readonly ModelBuffers? _buffers;
    private readonly RandomReplay? _random;
    private readonly BatchNormPolicy _batchNorm;
    private ParameterVector? _own;
    private ParameterVector? _centre; // W: a copy of the runner's own, or the step's; null before anything has left it
    private Probe? _standing; // where the parameters stand; null at the centre
    private ProbeStep? _step;
    private ProbePair? _pair; // the pair at hand, where the step's curvature is read from it

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
        (_batchNorm, _random) = (batchNorm, replayRandomNumbers ? new RandomReplay() : null);
    }

    /// <inheritdoc/>
    public bool WantsCleanForward => _buffers is not null && _batchNorm == BatchNormPolicy.CleanForward;

    /// <inheritdoc/>
    public void Begin(ProbeStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        _step = step;
        _centre = step.Centre;
        _standing = null;
        _random?.Begin();
        _pair = null;
        step.Curvature?.Begin(step);
        _buffers?.Begin();
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<Probe> probes, ParameterVector gradient, Span<double> losses)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        ProbeStep step = _step ?? throw new InvalidOperationException("Run needs a step: call Begin first");
        if (step.Centre is not null)
            ReturnToCentre();
        for (int i = 0; i < probes.Length; i++)
        {
            Probe probe = probes[i];
            if (i > 0 && ReferenceEquals(probe.Vector, gradient))
                throw new ArgumentException("only the first probe of a run can go along the vector that the gradients are summed into", nameof(probes));
            bool opens = step.Curvature is not null && i + 1 < probes.Length && probe.Direction == ProbeDirection.Noise && IsMirror(probe, probes[i + 1])
                && !(_pair is { } open && IsMirror(open.First, probe));
            MoveTo(step, probe, i == 0 ? null : gradient, opens);
            if (i == 0)
                gradient.Zero();
            _buffers?.BeforeProbe(probe.Direction == ProbeDirection.Centre);
            _random?.BeforeProbe();
            losses[i] = step.Accumulate(gradient, probe);
            if (opens)
                _pair = new ProbePair(probe, default, losses[i], double.NaN);
            else if (_pair is { } pair)
                _pair = pair with { Second = probe, SecondLoss = losses[i] };
        }
        // What the caller does to the gradient from here on must not be taken for a probe's.
        if (_pair is not null)
            LeavePair(step, gradient);
    }

    /// <inheritdoc/>
    public double Evaluate()
    {
        ProbeStep step = _step ?? throw new InvalidOperationException("Evaluate needs a step: call Begin first");
        if (step.Objective is not IForwardObjective objective)
            throw MicroBatchObjective.Unable(step.Objective);
        ReturnToCentre();
        _buffers?.BeforeProbe(isCentre: true);
        _random?.BeforeProbe();
        return objective.Evaluate(step.Space);
    }

    /// <inheritdoc/>
    public void ReturnToCentre()
    {
        if (_standing is not null || _step?.Centre is not null)
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
        _own?.Dispose();
        _random?.Dispose();
        (_own, _centre) = (null, null);
    }

    private void MoveTo(ProbeStep step, Probe probe, ParameterVector? sum, bool opens)
    {
        if (probe.Direction == ProbeDirection.Centre)
        {
            if (_pair is not null)
                LeavePair(step, sum!);
            else
                ReturnToCentre();
            return;
        }
        if (_centre is null && probe.Direction == ProbeDirection.Noise)
        {
            ParameterVector own = Own(step.Space);
            step.Space.Leave(own, step.Noise, step.Step, probe.Draw, probe.Scale, opens ? step.Curvature!.Enter(sum) : null);
            (_centre, _standing) = (own, probe);
            return;
        }
        if (_centre is null)
            step.Space.Save(_centre = Own(step.Space));
        Probe? standing = _standing;
        // From here on a failure leaves the parameters somewhere unknown; anything but null makes End restore them.
        _standing = probe;
        if (probe.Direction == ProbeDirection.Vector)
        {
            if (_pair is not null)
                LeavePair(step, sum!);
            else if (standing is not null)
                step.Space.Restore(_centre!);
            _standing = probe;
            step.Space.Move(probe.Vector!, probe.Scale);
        }
        else if (standing is { Direction: ProbeDirection.Noise } last && !opens && IsMirror(last, probe))
        {
            if (_pair is not null)
                step.Space.Mirror(_centre!, step.Curvature!.Turn(sum!));
            else
                step.Space.Mirror(_centre!);
        }
        else
        {
            CurvaturePass? observer = _pair is { } done ? step.Curvature!.Leave(sum!, done, opens) : opens ? step.Curvature!.Enter(sum) : null;
            _pair = null;
            step.Space.MoveTo(_centre!, step.Noise, step.Step, probe.Draw, probe.Scale, observer);
        }
    }

    private static bool IsMirror(Probe first, Probe second) =>
        second.Direction == ProbeDirection.Noise && first.Draw == second.Draw && first.Scale == -second.Scale;

    private void LeavePair(ProbeStep step, ParameterVector sum)
    {
        step.Space.Restore(_centre!, step.Curvature!.Leave(sum, _pair!.Value, enters: false));
        (_pair, _standing) = (null, null);
    }

    private ParameterVector Own(ParameterSpace space)
    {
        if (!ReferenceEquals(_own?.Space, space))
        {
            _own?.Dispose();
            _own = space.CreateVector();
        }
        return _own;
    }
}
