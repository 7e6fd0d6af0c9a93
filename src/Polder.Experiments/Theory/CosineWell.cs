using System.Runtime.Intrinsics;

namespace Polder.Experiments.Theory;

/// <summary>
/// f(w) = sum_i a w_i^2 / 2 + b (1 - cos(omega w_i)): a bowl with waves, not convex where b omega^2 > a, whose smoothed F is known:
/// E cos(omega (w + sigma U)) = exp(-omega^2 sigma^2 / 2) cos(omega w) for normal U. Its one minimum is 0 for the values here.
/// </summary>
internal static class CosineWell
{
    /// <summary>a and b omega^2 add up to the largest second derivative, C = 1; the smallest is a - b omega^2 = -1/2.</summary>
    private const double A = 0.25, Omega = 2, WaveSlope = 0.375;

    /// <summary>The Lipschitz constant of the gradient: |f''| is at most a + b omega^2.</summary>
    public const double Smoothness = A + (WaveSlope * Omega);

    /// <summary>F - min F of one coordinate.</summary>
    /// <param name="w">The coordinate.</param>
    /// <param name="sigma">The standard deviation of the noise; 0 for f itself.</param>
    public static double Height(double w, double sigma) => (A * w * w / 2) + (WaveSlope / Omega * Damping(sigma) * (1 - Math.Cos(Omega * w)));

    /// <summary>F' at one coordinate.</summary>
    /// <inheritdoc cref="Height"/>
    public static double Slope(double w, double sigma) => (A * w) + (WaveSlope * Damping(sigma) * Math.Sin(Omega * w));

    /// <summary>The coordinate above 0 at which <see cref="Height"/> has a value.</summary>
    /// <param name="height">The value.</param>
    /// <param name="sigma">The standard deviation of the noise.</param>
    public static double Start(double height, double sigma)
    {
        double low = 0, high = 1;
        while (Height(high, sigma) < height)
            high *= 2;
        for (int i = 0; i < 200 && low < high; i++)
        {
            double middle = (low + high) / 2;
            if (Height(middle, sigma) < height)
                low = middle;
            else
                high = middle;
        }
        return high;
    }

    /// <summary>Adds weight f'(w + scale u) to a sum, coordinate by coordinate.</summary>
    /// <param name="w">The weights; a whole number of vectors of 512 bits, as the others.</param>
    /// <param name="u">The noise.</param>
    /// <param name="scale">Its factor.</param>
    /// <param name="weight">The factor of the gradient.</param>
    /// <param name="sum">The sum.</param>
    public static void AddGradient(ReadOnlySpan<double> w, ReadOnlySpan<double> u, double scale, double weight, Span<double> sum)
    {
        for (int i = 0; i < w.Length; i += Vector512<double>.Count)
        {
            Vector512<double> at = Vector512.Create(w[i..]) + (scale * Vector512.Create(u[i..]));
            Vector512<double> gradient = (A * at) + (WaveSlope * Vector512.Sin(Omega * at));
            (Vector512.Create<double>(sum[i..]) + (weight * gradient)).CopyTo(sum[i..]);
        }
    }

    /// <summary>F' coordinate by coordinate.</summary>
    /// <param name="w">The weights.</param>
    /// <param name="sigma">The standard deviation of the noise.</param>
    /// <param name="slopes">Receives F'.</param>
    public static void Slopes(ReadOnlySpan<double> w, double sigma, Span<double> slopes)
    {
        double wave = WaveSlope * Damping(sigma);
        for (int i = 0; i < w.Length; i += Vector512<double>.Count)
        {
            Vector512<double> at = Vector512.Create(w[i..]);
            ((A * at) + (wave * Vector512.Sin(Omega * at))).CopyTo(slopes[i..]);
        }
    }

    private static double Damping(double sigma) => Math.Exp(-Omega * Omega * sigma * sigma / 2);
}
