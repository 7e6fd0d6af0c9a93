namespace Polder.Methods;

/// <summary>
/// A flat-minima method: it differs from the base optimizer in the gradient that it hands over, and composes that gradient from
/// probes. Implementations are immutable records of options.
/// </summary>
public interface IGradientMethod
{
    /// <summary>The name on the command line and in tables: lower case, no separators.</summary>
    string Name { get; }

    /// <summary>Gradient evaluations a step (the most, where steps differ), each one forward and one backward pass.</summary>
    int GradientEvaluations { get; }

    /// <summary>Gradient evaluations of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    int GradientEvaluationsAt(long step) => GradientEvaluations;

    /// <summary>The parameters that the method moves; null, the default, is all. A training in which none of them is trained is refused.</summary>
    ParameterSelection? Moves => null;

    /// <summary>Whether a step moves the weights at all; false where the method's strength is zero there. By default every step does.</summary>
    /// <param name="step">The step, from 0.</param>
    bool ActsAt(long step) => true;

    /// <summary>
    /// Whether a step needs a second mini-batch beside the first, for probes that see that one (<see cref="Probe.OfSecondBatch"/>). The trainer then draws one
    /// more for every step. Default: no.
    /// </summary>
    bool TakesSecondBatch => false;

    /// <summary>
    /// Whether a step needs the network's outputs and their loss apart (<see cref="IOutputObjective"/>), as <see cref="FunctionalSharpnessAware"/> does: the
    /// trainer gives them so to every method. Default: no.
    /// </summary>
    bool TakesOutputs => false;

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range; the message names it, what was found and what is allowed.</exception>
    void Validate();

    /// <summary>Checks that the base optimizer fits; any does, unless the method says otherwise.</summary>
    /// <exception cref="ArgumentException">It does not; the message says what does.</exception>
    void ValidateBase(OptimizerHelper @base)
    {
    }

    /// <summary>The noise of a step as the method wants it: scaled by the weights, or on some parameters only. By default it is left as it is.</summary>
    /// <param name="noise">The optimizer's noise, of unit variance.</param>
    /// <param name="space">The parameters, at W.</param>
    /// <param name="base">The base optimizer, for its parameter groups.</param>
    NoiseStream ShapeNoise(NoiseStream noise, ParameterSpace space, OptimizerHelper @base) => noise;

    /// <summary>
    /// Fills <see cref="MethodContext.Gradient"/>, zero at first, by running at least one probe. Wherever it leaves the weights, the step goes on
    /// from W.
    /// </summary>
    void ComputeGradient(MethodContext context);

    /// <summary>
    /// Fills <see cref="MethodContext.Gradient"/> for a step before the method starts (<see cref="LateStart"/>), at one gradient at W: with that gradient, so
    /// that the base optimizer trains alone. A method whose base optimizer is not what one would train with (it brings momentum or decay of its own) makes the
    /// update of those here, and keeps them for its start.
    /// </summary>
    /// <param name="context">The step.</param>
    void ComputeGradientBeforeStart(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Run(Probe.Centre());
    }
}
