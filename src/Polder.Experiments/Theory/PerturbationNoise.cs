namespace Polder.Experiments.Theory;

/// <summary>A function of one variable with |f''| at most 1, by its derivative, and the point at which the noise of perturbed gradients is measured.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Derivative">f'.</param>
/// <param name="At">The point.</param>
/// <param name="OnePoint">The variance of f'(w + sigma U), U normal, in closed form.</param>
/// <param name="TwoPoint">The variance of (f'(w + sigma U) + f'(w - sigma U)) / 2.</param>
internal sealed record NoiseCase(string Name, Func<double, double> Derivative, double At, Func<double, double> OnePoint, Func<double, double> TwoPoint)
{
    /// <summary>
    /// A parabola, a sine and a corner of the gradient (two parabolas of opposite curvature that meet), the corner seen from it and from its middle piece.
    /// </summary>
    public static IReadOnlyList<NoiseCase> All { get; } =
    [
        new("quadratic", w => w, 1, s => s * s, _ => 0),
        // f' = sin w: (sin(w + sU) + sin(w - sU)) / 2 = sin w cos(sU), and E cos(sU) = exp(-s^2 / 2).
        new("smooth", Math.Sin, 1, SineOnePoint, s => Math.Pow(Math.Sin(1) * (1 - Math.Exp(-s * s)), 2) / 2),
        // f' = |w|, of which a triangle wave is made: at the corner both points see s |U|, whose variance is s^2 (1 - 2 / pi).
        new("kink", Math.Abs, 0, s => s * s * (1 - (2 / Math.PI)), s => s * s * (1 - (2 / Math.PI))),
    ];

    private static double SineOnePoint(double s)
    {
        double once = Math.Exp(-s * s), sine = Math.Sin(1);
        return 0.5 - (Math.Cos(2) * once * once / 2) - (sine * sine * once);
    }
}

/// <summary>The variance of one- and two-point gradients at one point, over sigma.</summary>
internal static class PerturbationNoise
{
    private const int Draws = 1000;

    /// <summary>Estimates both variances, each from <paramref name="repeats"/> unbiased sample variances of 1000 draws.</summary>
    /// <param name="of">The function and the point.</param>
    /// <param name="sigma">The standard deviation of the noise.</param>
    /// <param name="repeats">Independent sample variances.</param>
    /// <param name="noise">Normal numbers: draw r is repeat r's.</param>
    public static (MeanEstimate OnePoint, MeanEstimate TwoPoint) Measure(NoiseCase of, double sigma, int repeats, NoiseStream noise)
    {
        double[] one = new double[repeats], two = new double[repeats];
        double[] unit = new double[Draws], single = new double[Draws], mean = new double[Draws];
        for (int r = 0; r < repeats; r++)
        {
            noise.Fill(0, r, 0, unit);
            for (int i = 0; i < Draws; i++)
            {
                single[i] = of.Derivative(of.At + (sigma * unit[i]));
                mean[i] = (single[i] + of.Derivative(of.At - (sigma * unit[i]))) / 2;
            }
            one[r] = Math.Pow(Summary.Of(single).StandardDeviation, 2);
            two[r] = Math.Pow(Summary.Of(mean).StandardDeviation, 2);
        }
        return (Means.Of(one), Means.Of(two));
    }
}
