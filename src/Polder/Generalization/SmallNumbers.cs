namespace Polder.Generalization;

/// <summary>
/// Functions whose textbook form loses the digits of small arguments; the runtime's own <c>double.ExpM1</c> and <c>double.LogP1</c> are that
/// form. The corrections are W. Kahan's: the rounding error of 1 + x divides out.
/// </summary>
internal static class SmallNumbers
{
    private const double SeriesRadius = 0.05;
    private const int SeriesTerms = 14; // 0.05^14 is below a double's last place

    /// <summary>exp(x) - 1.</summary>
    public static double ExpM1(double x)
    {
        double u = Math.Exp(x);
        return u == 1 ? x : u - 1 == -1 || double.IsInfinity(u) ? u - 1 : (u - 1) * x / Math.Log(u);
    }

    /// <summary>x - ln(1 + x), at least 0, for x &gt;= -1; about x^2 / 2 near 0.</summary>
    public static double LogExcess(double x)
    {
        if (Math.Abs(x) > SeriesRadius)
            return x - Math.Log(1 + x);
        double sum = 0;
        for (int k = SeriesTerms; k >= 2; k--)
            sum = (1.0 / k) - (x * sum);
        return x * x * sum;
    }
}
