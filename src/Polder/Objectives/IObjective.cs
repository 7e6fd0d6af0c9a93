namespace Polder.Objectives;

/// <summary>A function f of the parameters whose gradient can be had where the parameters stand now.</summary>
/// <remarks>
/// A closure over a model (<see cref="ClosureObjective"/>), a loss over a data set (<see cref="EmpiricalLoss"/>), an analytic function, or a
/// decorated one. All evaluations of one step must
/// be of the same function: the same mini-batch, and the same random numbers.
/// </remarks>
public interface IObjective
{
    /// <summary>Adds <paramref name="weight"/> times the gradient of f, at the parameters as they stand, to <paramref name="gradient"/>.</summary>
    /// <param name="space">The parameters that are differentiated.</param>
    /// <param name="gradient">The vector of <paramref name="space"/> that is added to.</param>
    /// <param name="weight">The factor of the gradient; the returned value does not carry it.</param>
    /// <returns>f at the parameters as they stand, unweighted.</returns>
    double Accumulate(ParameterSpace space, ParameterVector gradient, double weight);

    /// <summary>The same, for a measurement that can be stopped; an objective of many batches stops between them.</summary>
    /// <inheritdoc cref="Accumulate(ParameterSpace, ParameterVector, double)"/>
    double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Accumulate(space, gradient, weight);
    }
}
