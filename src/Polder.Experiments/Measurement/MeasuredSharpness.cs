namespace Polder.Experiments.Measurement;

/// <summary>Adaptive sharpness at one radius.</summary>
/// <param name="Radius">rho, relative to the weights.</param>
/// <param name="Average">The average case.</param>
/// <param name="StandardError">Its standard error.</param>
/// <param name="WorstCase">The largest rise of the loss that gradient ascent found.</param>
public sealed record MeasuredSharpness(double Radius, double Average, double StandardError, double WorstCase);
