namespace Polder.Experiments.Theory;

/// <summary>
/// Two valleys of equal depth in the plane, a narrow one at x = 1 and a wide one at x = -1: f(x, y) = softmin(h_n (x - 1)^2 / 2, h_w (x + 1)^2 / 2) + c y^2 /
/// 2 with
/// softmin(a, b) = -t ln(exp(-a / t) + exp(-b / t)). Both minima are 0 up to exp(-8 / t): each is the other's parabola away.
/// </summary>
public static class TwoValleys
{
    /// <summary>h_n, the curvature of the narrow valley across.</summary>
    public const double NarrowCurvature = 100;

    /// <summary>h_w, that of the wide one.</summary>
    public const double WideCurvature = 4;

    /// <summary>c, the curvature of both along y.</summary>
    public const double AlongCurvature = 1;

    // The ridge between them is rounded over some 0.02: f is smooth.
    private const double Temperature = 0.1;

    /// <summary>f.</summary>
    /// <param name="x">Across the valleys.</param>
    /// <param name="y">Along them.</param>
    public static double Value(double x, double y)
    {
        (double narrow, double wide) = Parabolas(x);
        return Math.Min(narrow, wide) - (Temperature * double.LogP1(Math.Exp(-Math.Abs(narrow - wide) / Temperature))) + (AlongCurvature * y * y / 2);
    }

    /// <summary>Its gradient.</summary>
    /// <inheritdoc cref="Value"/>
    public static (double X, double Y) Gradient(double x, double y)
    {
        (double narrow, double wide) = Parabolas(x);
        double share = 1 / (1 + Math.Exp((narrow - wide) / Temperature)); // the narrow parabola's weight
        return ((share * NarrowCurvature * (x - 1)) + ((1 - share) * WideCurvature * (x + 1)), AlongCurvature * y);
    }

    /// <summary>
    /// Where the two parabolas cross between the minima: descent from the left of it ends in the wide valley, from the right in the narrow one.
    /// </summary>
    public static double Ridge { get; } =
        (Math.Sqrt(NarrowCurvature) - Math.Sqrt(WideCurvature)) / (Math.Sqrt(NarrowCurvature) + Math.Sqrt(WideCurvature));

    /// <summary>The derivative across the valleys of F = E f(w + sigma U), U normal, by the trapezoidal rule.</summary>
    /// <param name="x">Across the valleys.</param>
    /// <param name="sigma">The standard deviation of the noise.</param>
    public static double SmoothedSlope(double x, double sigma)
    {
        const double step = 0.02, far = 8;
        double sum = 0, weights = 0;
        for (double u = -far; u <= far; u += step)
        {
            double weight = Math.Exp(-u * u / 2);
            sum += weight * Gradient(x + (sigma * u), 0).X;
            weights += weight;
        }
        return sum / weights;
    }

    /// <summary>The least sigma at which F has no minimum in the narrow valley any more: its slope is above 0 all the way from the wide one.</summary>
    public static double LeastSigmaWithoutNarrow()
    {
        double low = 0.01, high = 1;
        for (int i = 0; i < 20; i++)
        {
            double middle = (low + high) / 2;
            bool falls = Enumerable.Range(0, 161).Any(j => SmoothedSlope(-0.4 + (0.01 * j), middle) < 0);
            (low, high) = falls ? (middle, high) : (low, middle);
        }
        return high;
    }

    private static (double Narrow, double Wide) Parabolas(double x) => (NarrowCurvature * (x - 1) * (x - 1) / 2, WideCurvature * (x + 1) * (x + 1) / 2);
}
