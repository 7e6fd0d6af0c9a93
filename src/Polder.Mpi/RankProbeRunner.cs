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
    private readonly RankMoves _moves = new();
    private readonly RandomReplay _random = new();
    private ProbeStep? _step;
    private bool _said;

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
        _step = step;
        _moves.Begin(step);
        _random.Begin();
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
        _moves.BeginRun();
        WorkUnit[] units = WorkPlan.Cut(step, probes, _options.Parts, _ranks.Size);
        Say(probes.Length, units);
        Pairing[] pairing = Pairings.Of(probes);
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
        ReportReader.TakeIn(report, _ranks.Size, step, probes, units, pairing, _buffers, losses);
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
        _random.BeforeProbe();
        return objective.Evaluate(step.Space);
    }

    /// <inheritdoc/>
    public void ReturnToCentre() => _moves.ReturnToCentre();

    /// <inheritdoc/>
    public void End(bool completed)
    {
        if (_step is null)
            return;
        _moves.End();
        _buffers?.End(completed);
        _step = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffers?.Dispose();
        _moves.Dispose();
        _random.Dispose();
        foreach (ParameterVector vector in _scratch)
            vector.Dispose();
        _scratch.Clear();
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
            _moves.To(probe, pair == Pairing.Second ? probes[units[i].Probe - 1] : null);
            // The first vector may be what the point goes along, so it is cleared when the parameters are there.
            ParameterVector target = i == 0 ? gradient : Scratch(step.Space, IsApart ? i - 1 : 0);
            target.Zero();
            _buffers?.Rewind();
            _random.BeforeProbe();
            report.SayLoss(i, step.Accumulate(target, probe with { Rows = units[i].Rows, Weight = probe.Weight * units[i].Share }));
            drew |= _random.HasDrawn();
            if (_buffers is not null)
                _buffers.Write(report.BuffersOf(i));
            if (step.Curvature is { } curvature && pair != Pairing.None)
            {
                Array.Clear(_curvature);
                bool mirrors = i + 1 < units.Length && units[i + 1].Probe == units[i].Probe + 1 && pair == Pairing.First;
                _moves.Leave(new PointCurvature(curvature, target, _curvature), mirrors ? probes[units[i + 1].Probe] : null);
                report.SayCurvature(i, _curvature);
            }
            if (i > 0 && !IsApart)
                gradient.Add(target);
        }
        return drew;
    }

    private bool IsApart => _options.Reproducible && _ranks.Rank > 0;

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
}
