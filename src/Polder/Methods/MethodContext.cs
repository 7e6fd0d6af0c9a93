namespace Polder.Methods;

/// <summary>
/// What a method sees of a step: it can run probes and look at the space, but it cannot leave the weights moved. Every run of probes starts
/// from W, and the optimizer restores W bit for bit whatever the method does to the weights.
/// </summary>
public sealed class MethodContext
{
    private readonly IProbeRunner _runner;
    private readonly ProbeStep _step;
    private readonly OptimizerHelper _base;
    private readonly MethodContext? _whole; // of the mini-batch, where this is of a part
    private readonly int _part, _parts = 1;
    private readonly List<double> _losses = [];
    private double _weightedLoss;
    private double _weight;
    private double _evaluations;
    private double? _centreLoss;
    private CurvatureSample? _curvature;
    private Action? _whenAccepted;

    internal MethodContext(IProbeRunner runner, ProbeStep step, ParameterVector gradient, MethodState state, OptimizerHelper @base)
    {
        _runner = runner;
        _step = step;
        _base = @base;
        State = state;
        Gradient = gradient;
    }

    private MethodContext(MethodContext whole, int part, int parts, ParameterVector gradient)
        : this(whole._runner, whole._step, gradient, whole.State, whole._base) => (_whole, _part, _parts) = (whole, part, parts);

    /// <summary>The parameters.</summary>
    public ParameterSpace Space => _step.Space;

    /// <summary>The number of the step, from 0.</summary>
    public long Step => _step.Step;

    /// <summary>The gradient that the base optimizer will see.</summary>
    public ParameterVector Gradient { get; }

    /// <summary>What the method remembers from step to step.</summary>
    public MethodState State { get; }

    /// <summary>The number of rows of the mini-batch; null where the objective cannot be evaluated on some of them (<see cref="ISlicedObjective"/>).</summary>
    public int? Rows => AllRows is { } rows ? LengthOf(PartOf(rows), rows) : null;

    /// <summary>The rows that a part of the mini-batch should have at least (<see cref="ISlicedObjective.LeastRows"/>).</summary>
    public int LeastRows => (_step.Objective as ISlicedObjective)?.LeastRows ?? 1;

    /// <summary>The losses of the probes so far, in order.</summary>
    public IReadOnlyList<double> Losses => _losses;

    /// <summary>f(W) where a probe at the centre has run.</summary>
    internal double? CentreLoss => _centreLoss;

    /// <summary>
    /// What the step's pairs showed of the curvature; known when <see cref="WhenAccepted"/> runs, and null before, and where nothing was measured.
    /// </summary>
    public CurvatureSample? Curvature
    {
        get => _whole is null ? _curvature : _whole.Curvature;
        internal set => _curvature = value;
    }

    /// <summary>f(W) where a probe at the centre has run, else the mean of the probes' losses weighted as their gradients.</summary>
    internal double Loss => _centreLoss ?? (_weight != 0 ? _weightedLoss / _weight : _losses.Count > 0 ? _losses.Average() : double.NaN);

    /// <summary>The passes over the mini-batch so far; probes on parts of it add up to whole passes.</summary>
    internal int GradientEvaluations => (int)Math.Round(_evaluations);

    private int? AllRows => (_step.Objective as ISlicedObjective)?.Rows;

    /// <summary>Sets <see cref="Gradient"/> to the weighted sum of the probes' gradients.</summary>
    public void Run(params ReadOnlySpan<Probe> probes) => RunInto(Gradient, probes);

    /// <summary>Sets <paramref name="target"/> to the weighted sum of the probes' gradients.</summary>
    public void RunInto(ParameterVector target, params ReadOnlySpan<Probe> probes)
    {
        Span<double> losses = probes.Length <= 64 ? stackalloc double[probes.Length] : new double[probes.Length];
        Probe[]? own = _whole is null ? null : Array.ConvertAll(probes.ToArray(), InPart);
        _runner.Run(own ?? probes, target, losses);
        for (int i = 0; i < probes.Length; i++)
        {
            Probe probe = own is null ? probes[i] : own[i];
            _losses.Add(losses[i]);
            _weightedLoss += probe.Weight * losses[i];
            _weight += probe.Weight;
            _evaluations += probe.Rows is { } rows && _step.RowsOf(probe) is { } all ? (double)LengthOf(rows, all) / all : 1;
            if (probe.Direction == ProbeDirection.Centre)
                _centreLoss ??= losses[i];
        }
    }

    /// <summary>Writes a draw of the step's noise, of unit variance, into a vector.</summary>
    public void Materialize(int draw, ParameterVector target) => Space.Materialize(_step.Noise, _step.Step, DrawInPart(draw), target);

    /// <summary>Multiplies a vector elementwise by the weights W themselves.</summary>
    public void MultiplyByWeights(ParameterVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        _runner.ReturnToCentre();
        vector.MultiplyByWeights();
    }

    /// <summary>Multiplies every element by the norm of its filter of W (<see cref="FilterNorms"/>).</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="leastDimensions">Filters are slices of the first axis of parameters of at least so many dimensions.</param>
    /// <param name="elementwise">Whether the other parameters' elements are multiplied by each weight's absolute value; otherwise by the whole
    /// parameter's norm.</param>
    public void MultiplyByFilterNorms(ParameterVector vector, int leastDimensions, bool elementwise)
    {
        _runner.ReturnToCentre();
        FilterNorms.Multiply(vector, leastDimensions, elementwise);
    }

    /// <summary>Adds <paramref name="factor"/> times the weights W themselves to a vector.</summary>
    public void AddWeights(ParameterVector vector, double factor)
    {
        ArgumentNullException.ThrowIfNull(vector);
        _runner.ReturnToCentre();
        vector.AddWeights(factor);
    }

    /// <summary>Multiplies every element by the learning rate of its parameter's group in the base optimizer, as it stands at this step.</summary>
    public void MultiplyByLearningRates(ParameterVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        using var noGrad = no_grad();
        foreach (ParamGroup group in _base.ParamGroups.OfType<ParamGroup>())
        {
            using Scalar rate = ((torch.optim.ILearningRateController)group).LearningRate.ToScalar();
            foreach (int place in group.Parameters.Select(Space.IndexOf).Where(place => place >= 0).Distinct())
                vector.Blocks[place].mul_(rate);
        }
    }

    /// <summary>Leaves a change of <see cref="State"/> until the step is known to be finite; a step that fails or is skipped does not make it.</summary>
    /// <param name="change">Runs once, right before the base optimizer's update, with <see cref="Gradient"/> as the method left it.</param>
    public void WhenAccepted(Action change) => _whenAccepted += change;

    /// <summary>A forward pass at W where no probe was there: it moves the model's buffers and gives the loss.</summary>
    internal void EvaluateCentre() => _centreLoss ??= _runner.Evaluate();

    internal void Accept() => _whenAccepted?.Invoke();

    /// <summary>As <see cref="WhenAccepted"/>, for what follows from the step's curvature: once a step, also where a method runs on parts.</summary>
    internal void WhenMeasured(Action change)
    {
        if (_whole is null)
            WhenAccepted(change);
        else if (_part == 0)
            _whole.WhenMeasured(change);
    }

    /// <summary>
    /// Computes on each part of the mini-batch by itself; <see cref="Gradient"/> is the mean by the parts' sizes, and so is what is remembered.
    /// </summary>
    /// <param name="parts">The number of parts, at most one a row.</param>
    /// <param name="compute">Fills the gradient of the context of a part.</param>
    internal void RunParts(int parts, Action<MethodContext> compute)
    {
        ParameterVector gradient = State.Scratch("parts.gradient");
        var memory = new PartsMemory(State);
        Gradient.Zero();
        double centre = 0;
        for (int i = 0; i < parts; i++)
        {
            var part = new MethodContext(this, i, parts, gradient);
            compute(part);
            double share = (double)part.Rows!.Value / Rows!.Value;
            Gradient.Add(gradient, share);
            _losses.AddRange(part._losses);
            _weightedLoss += share * part._weightedLoss;
            _weight += share * part._weight;
            _evaluations += part._evaluations;
            centre += share * (part._centreLoss ?? double.NaN); // not a number where a part has none
            if (part._whenAccepted is not null)
                memory.Add(share, part.Accept);
        }
        _centreLoss = double.IsNaN(centre) ? null : centre;
        if (memory.HasChanges)
            WhenAccepted(memory.Apply);
    }

    private static int LengthOf(Range rows, int all) => rows.GetOffsetAndLength(all).Length;

    private Range PartOf(int rows) => (int)((long)rows * _part / _parts)..(int)((long)rows * (_part + 1) / _parts);

    private int DrawInPart(int draw) => (draw * _parts) + _part;

    private Probe InPart(Probe probe)
    {
        int all = _step.RowsOf(probe)!.Value;
        var (start, length) = PartOf(all).GetOffsetAndLength(all);
        var (offset, count) = probe.Rows is { } rows ? rows.GetOffsetAndLength(length) : (0, length);
        return probe with { Draw = DrawInPart(probe.Draw), Rows = (start + offset)..(start + offset + count) };
    }
}
