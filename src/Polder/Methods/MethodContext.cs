namespace Polder.Methods;

/// <summary>
/// What a method sees of a step: it can run probes and look at the space, but it cannot leave the weights moved. Every run of probes starts
/// from W, and the optimizer restores W bit for bit whatever the method does to the weights.
/// </summary>
public sealed class MethodContext
{
    private readonly IProbeRunner _runner;
    private readonly ProbeStep _step;
    private readonly List<double> _losses = [];
    private double _weightedLoss;
    private double _weight;
    private double _evaluations;
    private double? _centreLoss;
    private Action? _whenAccepted;

    internal MethodContext(IProbeRunner runner, ProbeStep step, ParameterVector gradient, MethodState state)
    {
        _runner = runner;
        _step = step;
        State = state;
        Gradient = gradient;
    }

    /// <summary>The parameters.</summary>
    public ParameterSpace Space => _step.Space;

    /// <summary>The number of the step, from 0.</summary>
    public long Step => _step.Step;

    /// <summary>The gradient that the base optimizer will see.</summary>
    public ParameterVector Gradient { get; }

    /// <summary>What the method remembers from step to step.</summary>
    public MethodState State { get; }

    /// <summary>The number of rows of the mini-batch; null where the objective cannot be evaluated on some of them (<see cref="ISlicedObjective"/>).</summary>
    public int? Rows => (_step.Objective as ISlicedObjective)?.Rows;

    /// <summary>The losses of the probes so far, in order.</summary>
    public IReadOnlyList<double> Losses => _losses;

    /// <summary>f(W) where a probe at the centre has run.</summary>
    internal double? CentreLoss => _centreLoss;

    /// <summary>
    /// What the step's pairs showed of the curvature; known when <see cref="WhenAccepted"/> runs, and null before, and where nothing was measured.
    /// </summary>
    public CurvatureSample? Curvature { get; internal set; }

    /// <summary>f(W) where a probe at the centre has run, else the mean of the probes' losses weighted as their gradients.</summary>
    internal double Loss => _centreLoss ?? (_weight != 0 ? _weightedLoss / _weight : _losses.Count > 0 ? _losses.Average() : double.NaN);

    /// <summary>The passes over the mini-batch so far; probes on parts of it add up to whole passes.</summary>
    internal int GradientEvaluations => (int)Math.Round(_evaluations);

    /// <summary>Sets <see cref="Gradient"/> to the weighted sum of the probes' gradients.</summary>
    public void Run(params ReadOnlySpan<Probe> probes) => RunInto(Gradient, probes);

    /// <summary>Sets <paramref name="target"/> to the weighted sum of the probes' gradients.</summary>
    public void RunInto(ParameterVector target, params ReadOnlySpan<Probe> probes)
    {
        Span<double> losses = probes.Length <= 64 ? stackalloc double[probes.Length] : new double[probes.Length];
        _runner.Run(probes, target, losses);
        for (int i = 0; i < probes.Length; i++)
        {
            _losses.Add(losses[i]);
            _weightedLoss += probes[i].Weight * losses[i];
            _weight += probes[i].Weight;
            _evaluations += probes[i].Rows is { } rows && Rows is { } all ? (double)rows.GetOffsetAndLength(all).Length / all : 1;
            if (probes[i].Direction == ProbeDirection.Centre)
                _centreLoss ??= losses[i];
        }
    }

    /// <summary>Writes a draw of the step's noise, of unit variance, into a vector.</summary>
    public void Materialize(int draw, ParameterVector target) => Space.Materialize(_step.Noise, _step.Step, draw, target);

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

    /// <summary>Leaves a change of <see cref="State"/> until the step is known to be finite; a step that fails or is skipped does not make it.</summary>
    /// <param name="change">Runs once, right before the base optimizer's update, with <see cref="Gradient"/> as the method left it.</param>
    public void WhenAccepted(Action change) => _whenAccepted += change;

    /// <summary>A forward pass at W where no probe was there: it moves the model's buffers and gives the loss.</summary>
    internal void EvaluateCentre() => _centreLoss ??= _runner.Evaluate();

    internal void Accept() => _whenAccepted?.Invoke();
}
