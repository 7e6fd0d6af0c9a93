using System.Runtime.InteropServices;

namespace Polder.Mpi;

/// <summary>
/// Shares a step out among ranks: first its points (the 2k of NSO, the draws of WP), then, where there are fewer of them than ranks, the batch of each point.
/// Every rank makes the noise of its points itself, so only gradients travel, and a few numbers a point.
/// </summary>
/// <remarks>
/// <para>
/// Every rank has the same model, batch and noise, and after a run the same gradient, bit for bit, the same losses, buffers and random numbers: ranks that
/// start alike stay alike. Points are those of <see cref="SequentialProbeRunner"/>, and with <see cref="RankOptions.Reproducible"/> and whole points so is the
/// sum, bit for bit. All points see the same random numbers of torch's default generator.
/// </para>
/// <para>
/// BatchNorm: where points are whole, a point normalizes by its batch, and the running statistics become what one process would make of them. Where the batch
/// is cut, each part is normalized by itself (ghost batches), and they are the mean over the parts.
/// </para>
/// <para>An exception on one rank is that rank's alone: the others wait for it until the job is ended (<see cref="MpiJob.Abort"/>).</para>
/// </remarks>
public sealed class RankProbeRunner : IProbeRunner
{
    private readonly IRanks _ranks;
    private readonly RankOptions _options;
    private readonly ModelBuffers? _buffers;
    private readonly OrderedSum _ordered;
    private readonly List<ParameterVector> _scratch = [];
    private PointReport? _report;
    private byte[] _pending = [];
    private double[] _curvature = [];
    private ParameterVector? _own, _centre;
    private Probe? _standing; // where the parameters stand; null at the centre
    private ProbeStep? _step;
    private Tensor? _randomState;
    private bool _first, _said;

    /// <summary>Makes a runner.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="model">The model whose buffers the probes move; null where it has none.</param>
    /// <param name="options">How the step is shared; null is the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public RankProbeRunner(IRanks ranks, nn.Module? model = null, RankOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        _options = options ?? new RankOptions();
        _options.Validate();
        (_ranks, _ordered) = (ranks, new OrderedSum(ranks));
        _buffers = model is null ? null : new ModelBuffers(model, _options.BatchNorm);
    }

    /// <summary>Asked at every run whether this rank wants to stop; null never does.</summary>
    public Func<bool>? WantsToStop { get; init; }

    /// <summary>Called on all ranks, at the same place, when a rank wants to stop.</summary>
    public Action? Stopping { get; init; }

    /// <inheritdoc/>
    public bool WantsCleanForward => _buffers is not null && _options.BatchNorm == BatchNormPolicy.CleanForward;

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A parameter is not of 32 or 64 bits, or not in the processor's memory.</exception>
    public void Begin(ProbeStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        if (step.Space.Parameters.FirstOrDefault(
            p => p.device_type != DeviceType.CPU || p.dtype is not (ScalarType.Float32 or ScalarType.Float64)) is { } other)
            throw new NotSupportedException($"a parameter is {other.dtype} on {other.device_type}; allowed on several ranks: Float32, Float64 on the CPU");
        (_step, _centre, _standing, _first) = (step, step.Centre, null, true);
        step.Curvature?.Begin(step);
        if (step.Space.Parameters.Any(p => ParameterMover.AddressOf(p) == 0))
            step.Curvature?.CannotSample();
        _buffers?.Begin();
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<Probe> probes, ParameterVector gradient, Span<double> losses)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        ProbeStep step = _step ?? throw new InvalidOperationException("Run needs a step: call Begin first");
        for (int i = 1; i < probes.Length; i++)
            if (ReferenceEquals(probes[i].Vector, gradient))
                throw new ArgumentException("only the first probe of a run can go along the vector that the gradients are summed into", nameof(probes));
        // A vector that the parameters stand along may be another by now.
        if (step.Centre is not null || _standing is { Direction: ProbeDirection.Vector })
            ReturnToCentre();
        WorkUnit[] units = WorkPlan.Cut(step, probes, _options.Parts, _ranks.Size);
        Say(probes.Length, units);
        Pairing[] pairing = Pair(probes);
        var (from, to) = WorkPlan.Of(_ranks.Rank, _ranks.Size, units.Length);
        PointReport report = Report(step, units.Length);
        _pending = new byte[_buffers?.Bytes ?? 0];
        _buffers?.Write(_pending);
        bool drew = Evaluate(step, probes, pairing, units.AsSpan(from, to - from), gradient, report);

        report.Say(WantsToStop?.Invoke() ?? false, drew);
        for (int i = 0; i < step.Space.Parameters.Count; i++)
            if (step.Space.HasReceivedGradient(i))
                report.SayReceived(i);
        report.Share(_ranks);
        _buffers?.Read(_pending);
        TakeIn(step, probes, pairing, units, report, losses);
        ShareRandomNumbers(report.AnyDrew, units.Length);
        ShareGradient(gradient, to - from, units.Length);
        if (report.AnyStop)
            Stopping?.Invoke();
    }

    /// <inheritdoc/>
    /// <remarks>Every rank makes the same pass.</remarks>
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
        _randomState?.Dispose();
        foreach (ParameterVector vector in _scratch)
            vector.Dispose();
        _scratch.Clear();
        (_own, _centre, _randomState) = (null, null, null);
    }

    // This rank's pieces; its first gradient is in the run's vector. Where sums have an order, the others of every rank but the first stay apart.
    private bool Evaluate(
        ProbeStep step, ReadOnlySpan<Probe> probes, Pairing[] pairing, ReadOnlySpan<WorkUnit> units, ParameterVector gradient, PointReport report)
    {
        bool drew = false;
        if (units.Length == 0)
            gradient.Zero();
        for (int i = 0; i < units.Length; i++)
        {
            Probe probe = probes[units[i].Probe];
            Pairing pair = pairing[units[i].Probe];
            MoveTo(step, probe, pair == Pairing.Second ? probes[units[i].Probe - 1] : null);
            // The first vector may be what the point goes along, so it is cleared when the parameters are there.
            ParameterVector target = i == 0 ? gradient : Scratch(step.Space, IsApart ? i - 1 : 0);
            target.Zero();
            _buffers?.Rewind();
            ReplayRandomNumbers();
            report.SayLoss(i, step.Accumulate(target, probe with { Rows = units[i].Rows, Weight = probe.Weight * units[i].Share }));
            drew |= HaveRandomNumbersMoved();
            if (_buffers is not null)
                _buffers.Write(report.BuffersOf(i));
            if (step.Curvature is { } curvature && pair != Pairing.None)
            {
                Array.Clear(_curvature);
                bool mirrors = i + 1 < units.Length && units[i + 1].Probe == units[i].Probe + 1 && pair == Pairing.First;
                Leave(step, new PointCurvature(curvature, target, _curvature), mirrors ? probes[units[i + 1].Probe] : null);
                report.SayCurvature(i, _curvature);
            }
            if (i > 0 && !IsApart)
                gradient.Add(target);
        }
        return drew;
    }

    private bool IsApart => _options.Reproducible && _ranks.Rank > 0;

    private void MoveTo(ProbeStep step, Probe probe, Probe? mirrored)
    {
        if (probe.Direction == ProbeDirection.Centre)
        {
            ReturnToCentre();
            return;
        }
        Probe place = probe with { Weight = 0, Rows = null };
        if (_standing == place)
            return;
        if (_centre is null && probe.Direction == ProbeDirection.Noise)
        {
            // The first move of a step saves W on the way.
            ParameterVector own = Own(step.Space);
            Probe start = mirrored ?? probe;
            step.Space.Leave(own, step.Noise, step.Step, start.Draw, start.Scale, null, mirrored is not null);
            (_centre, _standing) = (own, place);
            return;
        }
        if (_centre is null)
            step.Space.Save(_centre = Own(step.Space));
        Probe? standing = _standing;
        // From here on a failure leaves the parameters somewhere unknown; anything but null makes End restore them.
        _standing = place;
        if (probe.Direction == ProbeDirection.Vector)
        {
            if (standing is not null)
                step.Space.Restore(_centre);
            step.Space.Move(probe.Vector!, probe.Scale);
            return;
        }
        if (mirrored is not { } first)
        {
            step.Space.MoveTo(_centre, step.Noise, step.Step, probe.Draw, probe.Scale);
            return;
        }
        // W - V is W + V mirrored also where another rank has that: a sum of its own would end in other last bits.
        if (standing == first with { Weight = 0, Rows = null })
            step.Space.Mirror(_centre);
        else
            step.Space.MoveTo(_centre, step.Noise, step.Step, first.Draw, first.Scale, null, mirrored: true);
    }

    // To the mirrored point, where that is this rank's next, else back to W.
    private void Leave(ProbeStep step, PointCurvature observer, Probe? mirrored)
    {
        if (mirrored is null)
            step.Space.Restore(_centre!, observer);
        else
            step.Space.Mirror(_centre!, observer);
        _standing = mirrored is { } place ? place with { Weight = 0, Rows = null } : null;
    }

    private PointReport Report(ProbeStep step, int units)
    {
        int most = WorkPlan.Most(_ranks.Size, units), curvature = step.Curvature is null ? 0 : PointCurvature.LengthOf(step.Curvature);
        int parameters = step.Space.Parameters.Count, buffers = _buffers?.Bytes ?? 0;
        if (_report?.Fits(_ranks.Size, most, parameters, curvature, buffers) != true)
            _report = new PointReport(_ranks.Size, most, parameters, curvature, buffers);
        if (_curvature.Length != curvature)
            _curvature = new double[curvature];
        _report.Clear();
        return _report;
    }

    // What one process would have seen: every piece in order, whoever had it.
    private void TakeIn(ProbeStep step, ReadOnlySpan<Probe> probes, Pairing[] pairing, WorkUnit[] units, PointReport report, Span<double> losses)
    {
        losses.Clear();
        double[] first = new double[_curvature.Length], second = new double[_curvature.Length];
        for (int rank = 0; rank < _ranks.Size; rank++)
        {
            var (from, to) = WorkPlan.Of(rank, _ranks.Size, units.Length);
            for (int i = from; i < to; i++)
            {
                int probe = units[i].Probe;
                double loss = report.Loss(rank, i - from);
                losses[probe] = units[i].Share == 1 ? loss : losses[probe] + (units[i].Share * loss);
                if (_buffers is not null)
                {
                    _buffers.BeforeProbe(probes[probe].Direction == ProbeDirection.Centre);
                    _buffers.Read(report.Buffers(rank, i - from));
                }
                if (step.Curvature is not { } curvature || pairing[probe] == Pairing.None)
                    continue;
                double[] seen = pairing[probe] == Pairing.First ? first : second;
                ReadOnlySpan<double> values = report.Curvature(rank, i - from);
                for (int j = 0; j < values.Length; j++)
                    seen[j] += values[j];
                bool done = i + 1 == units.Length || units[i + 1].Probe != probe;
                if (!done || pairing[probe] != Pairing.Second)
                    continue;
                curvature.Add(new ProbePair(probes[probe - 1], probes[probe], losses[probe - 1], losses[probe]), first, second);
                Array.Clear(first);
                Array.Clear(second);
            }
        }
        for (int i = 0; i < step.Space.Parameters.Count; i++)
            if (report.HasReceived(i))
                step.Space.MarkReceivedGradient(i);
    }

    private void ShareGradient(ParameterVector gradient, int own, int units)
    {
        if (_ranks.Size == 1)
            return;
        if (_options.Reproducible)
        {
            int[] counts = [.. Enumerable.Range(0, _ranks.Size).Select(rank =>
            {
                var (from, to) = WorkPlan.Of(rank, _ranks.Size, units);
                return rank == 0 ? 1 : to - from; // the first rank's are summed already: nothing comes before them
            })];
            _ordered.Run([gradient, .. _scratch.Take(IsApart ? Math.Max(0, own - 1) : 0)], counts);
            return;
        }
        foreach (Tensor flat in gradient.Flats)
        {
            if (flat.dtype == ScalarType.Float32)
                _ranks.Sum(MemoryMarshal.Cast<byte, float>(flat.bytes));
            else
                _ranks.Sum(MemoryMarshal.Cast<byte, double>(flat.bytes));
        }
    }

    // One process's generator stands where its last point left it.
    private void ShareRandomNumbers(bool drew, int units)
    {
        if (_ranks.Size == 1 || !drew)
            return;
        int last = Enumerable.Range(0, _ranks.Size).Last(rank => WorkPlan.Of(rank, _ranks.Size, units) is var (from, to) && to > from);
        using var scope = NewDisposeScope();
        Tensor state = get_rng_state();
        _ranks.Broadcast(state.bytes, last);
        set_rng_state(state);
    }

    private void ReplayRandomNumbers()
    {
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

    private bool HaveRandomNumbersMoved()
    {
        using Tensor now = get_rng_state();
        return !now.bytes.SequenceEqual(_randomState!.bytes);
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

    private ParameterVector Scratch(ParameterSpace space, int number)
    {
        if (_scratch.Count > 0 && !ReferenceEquals(_scratch[0].Space, space))
        {
            foreach (ParameterVector vector in _scratch)
                vector.Dispose();
            _scratch.Clear();
        }
        while (_scratch.Count <= number)
            _scratch.Add(space.CreateVector());
        return _scratch[number];
    }

    private void Say(int points, WorkUnit[] units)
    {
        if (_said)
            return;
        _said = true;
        int parts = units.Length / points, busy = Math.Min(_ranks.Size, units.Length);
        _options.Note?.Report($"{_ranks.Size} rank(s) share {points} point(s) of a step"
            + (parts > 1 ? $", each on {parts} parts of the batch: BatchNorm normalizes a part by itself (ghost batches)" : ", each on the whole batch")
            + (busy < _ranks.Size ? $"; {_ranks.Size - busy} of them have nothing to do" : ""));
    }

    private static Pairing[] Pair(ReadOnlySpan<Probe> probes)
    {
        var pairing = new Pairing[probes.Length];
        for (int i = 0; i + 1 < probes.Length; i++)
        {
            if (pairing[i] == Pairing.None && probes[i].Direction == ProbeDirection.Noise && probes[i + 1].Direction == ProbeDirection.Noise
                && probes[i].Draw == probes[i + 1].Draw && probes[i].Scale == -probes[i + 1].Scale)
                (pairing[i], pairing[i + 1]) = (Pairing.First, Pairing.Second);
        }
        return pairing;
    }

    private enum Pairing
    {
        None,
        First,
        Second,
    }
}
