namespace Polder.Statistics;

/// <summary>Student's t distribution: the quantiles of intervals and the p-values of tests.</summary>
internal static class StudentT
{
    /// <summary>The t that a fraction of the distribution stays below in absolute value.</summary>
    /// <param name="confidence">The fraction, between 0 and 1, both excluded; 0.95 gives the usual interval.</param>
    /// <param name="freedom">Degrees of freedom, at least 1.</param>
    public static double TwoSided(double confidence, int freedom)
    {
        Require.Inside(confidence);
        Require.AtLeast(freedom, 1);
        double low = 0, high = 1;
        while (Within(high, freedom) < confidence)
            high *= 2;
        // Within is monotone: halving reaches the last bits of a double.
        for (int i = 0; i < 200 && low < high; i++)
        {
            double middle = (low + high) / 2;
            if (middle <= low || middle >= high)
                break;
            if (Within(middle, freedom) < confidence)
                low = middle;
            else
                high = middle;
        }
        return (low + high) / 2;
    }

    /// <summary>The probability of |T| below <paramref name="t"/>, by the finite sums for integer degrees (Abramowitz and Stegun 26.7.3 and 26.7.4).</summary>
    internal static double Within(double t, int freedom)
    {
        double theta = Math.Atan(t / Math.Sqrt(freedom)), cosine = Math.Cos(theta), sine = Math.Sin(theta), square = cosine * cosine;
        bool odd = freedom % 2 == 1;
        double term = odd ? cosine : 1, sum = freedom == 1 ? 0 : term;
        for (int i = odd ? 2 : 1; i <= freedom - 3; i += 2)
        {
            term *= square * i / (i + 1);
            sum += term;
        }
        return odd ? (theta + (sine * sum)) * 2 / Math.PI : sine * sum;
    }

    /// <summary>
    /// The probability of |T| above <paramref name="t"/>, with all digits however small it is: the rest of the series that <see cref="Within"/> cuts.
    /// </summary>
    /// <param name="t">At least 0.</param>
    /// <param name="freedom">Degrees of freedom, at least 1.</param>
    public static double Outside(double t, int freedom)
    {
        if (t < 1)
            return 1 - Within(t, freedom);
        bool odd = freedom % 2 == 1;
        double square = freedom / (freedom + (t * t)), term = odd ? Math.Sqrt(square) : 1, sum = 0;
        for (int i = odd ? 2 : 1; term > sum * 1e-18; i += 2)
        {
            if (i > freedom - 1)
                sum += term;
            term *= square * i / (i + 1);
        }
        return t / Math.Sqrt(freedom + (t * t)) * sum * (odd ? 2 / Math.PI : 1);
    }
}
