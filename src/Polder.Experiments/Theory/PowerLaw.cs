namespace Polder.Experiments.Theory;

/// <summary>y = c x^p, fitted to means by a straight line through their logarithms, every point alike.</summary>
/// <param name="Exponent">p.</param>
/// <param name="StandardError">
/// Its standard error by those of the means, carried through the logarithm to first order; 0 where the means are exact. How far the points lie off the
/// line is not in it.
/// </param>
/// <param name="Low">The lower end of Student's 95 % interval.</param>
/// <param name="High">The upper end.</param>
public sealed record PowerLaw(double Exponent, double StandardError, double Low, double High)
{
    /// <summary>Fits.</summary>
    /// <param name="x">Where, above 0; two or more that differ.</param>
    /// <param name="y">The means there, above 0, independent of each other.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a number is not above 0.</exception>
    public static PowerLaw Fit(IReadOnlyList<double> x, IReadOnlyList<MeanEstimate> y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.Count != y.Count || x.Distinct().Count() < 2 || x.Any(v => !(v > 0)) || y.Any(v => !(v.Value > 0)))
            throw new ArgumentException($"{x.Count} x and {y.Count} y: allowed are as many of both, two or more, all above 0", nameof(y));
        double[] logarithms = [.. x.Select(v => Math.Log(v))];
        double centre = logarithms.Average(), width = logarithms.Sum(l => (l - centre) * (l - centre));
        double exponent = 0, variance = 0;
        foreach ((double logarithm, MeanEstimate mean) in logarithms.Zip(y))
        {
            double weight = (logarithm - centre) / width;
            exponent += weight * Math.Log(mean.Value);
            double error = double.IsNaN(mean.StandardError) ? 0 : weight * mean.StandardError / mean.Value;
            variance += error * error;
        }
        double standardError = Math.Sqrt(variance);
        double half = new Estimate(exponent, standardError, (int)y.Min(m => m.Count), 0).HalfWidth();
        return new PowerLaw(exponent, standardError, exponent - half, exponent + half);
    }
}
