namespace Polder.Objectives;

/// <summary>
/// Whether the code that asks runs inside a measurement of an <see cref="EmpiricalLoss"/> (a product, a gradient, a value). A model may then
/// compute the same function by operations whose second derivatives cost less; it must be the same function. The built-in networks then fold
/// BatchNorm into the convolution before it, so hooks on those layers do not run.
/// </summary>
public static class LossMeasurement
{
    [ThreadStatic]
    private static int _depth;

    /// <summary>Whether a measurement is under way on this thread.</summary>
    public static bool IsUnderWay => _depth > 0;

    internal static void Begin() => _depth++;

    internal static void End() => _depth--;
}
