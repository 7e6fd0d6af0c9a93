namespace Polder.Probes;

/// <summary>The direction of a <see cref="Probe"/>.</summary>
public enum ProbeDirection
{
    /// <summary>The weights themselves.</summary>
    Centre,

    /// <summary>A draw of the step's noise.</summary>
    Noise,

    /// <summary>A stored vector.</summary>
    Vector,
}

/// <summary>One gradient evaluation of a step: <see cref="Weight"/> times the gradient of f at W + <see cref="Scale"/> x direction.</summary>
/// <param name="Weight">The factor of the gradient in the step's sum.</param>
/// <param name="Scale">The length of the move along the direction, in units of the direction.</param>
/// <param name="Direction">Which direction.</param>
/// <param name="Draw">For noise: the number of the draw within the step; +U and -U are one draw.</param>
/// <param name="Vector">For a stored vector: the vector.</param>
public readonly record struct Probe(double Weight, double Scale, ProbeDirection Direction, int Draw, ParameterVector? Vector)
{
    /// <summary>
    /// The rows of the mini-batch that the probe sees, counted from the start; null is all. Others than all need an <see cref="ISlicedObjective"/>.
    /// </summary>
    public Range? Rows { get; init; }

    /// <summary>Whether the probe sees the step's second mini-batch instead of the first; steps of methods that ask for one have it.</summary>
    public bool OfSecondBatch { get; init; }

    /// <summary>
    /// Which derivative of the loss by the network's outputs the gradient is made of. Others than its own need an <see cref="IOutputObjective"/>.
    /// </summary>
    public OutputDerivative Derivative { get; init; }

    /// <summary>A probe at W.</summary>
    public static Probe Centre(double weight = 1) => new(weight, 0, ProbeDirection.Centre, 0, null);

    /// <summary>A probe at W + <paramref name="scale"/> U, U the given draw; at W where the scale is 0.</summary>
    public static Probe Noise(int draw, double scale, double weight) =>
        scale == 0 ? Centre(weight) : new(weight, scale, ProbeDirection.Noise, draw, null);

    /// <summary>
    /// A probe at W + <paramref name="scale"/> v; at W where the scale is 0. v may be the vector that the gradients are summed into, for the first
    /// probe of a run.
    /// </summary>
    public static Probe Along(ParameterVector vector, double scale, double weight = 1) =>
        scale == 0 ? Centre(weight) : new(weight, scale, ProbeDirection.Vector, 0, vector);
}
