namespace Polder.Curvature.Estimators;

/// <summary>The mean of v^T A v over random v (Hutchinson, 1990).</summary>
internal sealed class Hutchinson(ILinearOperator @operator, TraceEstimationOptions options, CancellationToken cancellation)
    : SampledTrace(@operator, options, cancellation)
{
    protected override TraceEstimate Run() => SampleToTheEnd();
}
