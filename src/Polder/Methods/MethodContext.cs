using Polder.Objectives;

namespace Polder.Methods;

/// <summary>
/// What a method sees of a step: it can run probes and look at the space, but it cannot leave the weights moved. The optimizer restores
/// them whatever happens here.
/// </summary>
public sealed class MethodContext
{
    private readonly IProbeRunner _runner;
    private readonly ProbeStep _step;
    private readonly List<double> _losses = [];
    private double _weightedLoss;
    private double _weight;
    private double? _centreLoss;

    internal MethodContext(IProbeRunner runner, ProbeStep step, ParameterVector gradient)
    {
        _runner = runner;
        _step = step;
        Gradient = gradient;
    }

    /// <summary>The parameters.</summary>
    public ParameterSpace Space => _step.Space;

    /// <summary>The number of the step, from 0.</summary>
    public long Step => _step.Step;

    /// <summary>The gradient that the base optimizer will see.</summary>
    public ParameterVector Gradient { get; }

    /// <summary>The losses of the probes so far, in order.</summary>
    public IReadOnlyList<double> Losses => _losses;

    /// <summary>f(W) where a probe at the centre has run, else the mean of the probes' losses weighted as their gradients.</summary>
    internal double Loss => _centreLoss ?? (_weight != 0 ? _weightedLoss / _weight : _losses.Count > 0 ? _losses.Average() : double.NaN);

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
            if (probes[i].Direction == ProbeDirection.Centre)
                _centreLoss ??= losses[i];
        }
    }

    /// <summary>Writes a draw of the step's noise, of unit variance, into a vector.</summary>
    public void Materialise(int draw, ParameterVector target) => Space.Materialise(_step.Noise, _step.Step, draw, target);

    /// <summary>Multiplies a vector elementwise by the weights W themselves.</summary>
    public void MultiplyByWeights(ParameterVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        _runner.ReturnToCentre();
        vector.MultiplyByWeights();
    }
}
