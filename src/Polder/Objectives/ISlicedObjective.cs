namespace Polder.Objectives;

/// <summary>A function that is the mean over the rows of a mini-batch and can be had over some of them, as split-batch methods need it.</summary>
/// <remarks>
/// f over all rows, as <see cref="IObjective.Accumulate(ParameterSpace, ParameterVector, double)"/> gives it, is the mean of the slices' values
/// weighted by their lengths.
/// </remarks>
public interface ISlicedObjective : IObjective
{
    /// <summary>The number of rows (examples) of the mini-batch.</summary>
    int Rows { get; }

    /// <summary>
    /// Adds <paramref name="weight"/> times the gradient of the mean over <paramref name="rows"/>, at the parameters as they stand, to
    /// <paramref name="gradient"/>.
    /// </summary>
    /// <param name="space">The parameters that are differentiated.</param>
    /// <param name="gradient">The vector of <paramref name="space"/> that is added to.</param>
    /// <param name="weight">The factor of the gradient; the returned value does not carry it.</param>
    /// <param name="rows">Which rows, counted from the start; at least one.</param>
    /// <returns>The mean over the rows, unweighted.</returns>
    double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, Range rows);
}
