namespace Polder.Objectives;

/// <summary>Which derivative of the loss by the network's outputs a gradient is made of.</summary>
public enum OutputDerivative
{
    /// <summary>That at the same point: the ordinary gradient. The default.</summary>
    Own,

    /// <summary>The same, and it is kept for a later evaluation of the step.</summary>
    Keep,

    /// <summary>The one that was kept: with J the outputs' Jacobian where the parameters stand, the result is J' times it.</summary>
    Kept,
}

/// <summary>
/// A function that is a loss of outputs, and whose gradient can be had with the loss's derivative of another point, as functional SAM needs it.
/// </summary>
public interface IOutputObjective : IObjective
{
    /// <summary>Adds <paramref name="weight"/> times the gradient, at the parameters as they stand, to <paramref name="gradient"/>.</summary>
    /// <param name="space">The parameters that are differentiated.</param>
    /// <param name="gradient">The vector of <paramref name="space"/> that is added to.</param>
    /// <param name="weight">The factor of the gradient; the returned value does not carry it.</param>
    /// <param name="rows">Which rows of the mini-batch; null is all. A derivative is kept for the same rows.</param>
    /// <param name="derivative">Which derivative by the outputs.</param>
    /// <returns>The loss where the parameters stand, unweighted.</returns>
    /// <exception cref="InvalidOperationException">None was kept for these rows.</exception>
    double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range? rows, OutputDerivative derivative);
}
