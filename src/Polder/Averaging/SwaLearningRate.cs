namespace Polder.Averaging;

/// <summary>The learning rate of the averaging phase of SWA, as a pure function of the update's number.</summary>
public sealed record SwaLearningRate
{
    private SwaLearningRate(long start, long length, double high, double low, bool isCyclic) =>
        (Start, Length, High, Low, IsCyclic) = (start, length, high, low, isCyclic);

    /// <summary>Updates before the phase.</summary>
    public long Start { get; }

    /// <summary>Updates of a cycle, or of the way down to the constant rate.</summary>
    public long Length { get; }

    /// <summary>The rate at the start of a cycle; unused where the rate is annealed.</summary>
    public double High { get; }

    /// <summary>The rate at the end of a cycle, or the constant rate.</summary>
    public double Low { get; }

    /// <summary>Whether the rate is cyclic.</summary>
    public bool IsCyclic { get; }

    /// <summary>
    /// From whatever the rate is at <paramref name="start"/>, half a cosine to <paramref name="rate"/> in <paramref name="length"/> updates,
    /// and constant from there on.
    /// </summary>
    /// <param name="rate">The constant rate, above 0.</param>
    /// <param name="start">Updates before the phase.</param>
    /// <param name="length">Updates of the way, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static SwaLearningRate Annealed(double rate, long start, long length)
    {
        Require.Positive(rate);
        Require.AtLeast(start, 0);
        Require.AtLeast(length, 0);
        return new(start, length, rate, rate, isCyclic: false);
    }

    /// <summary>
    /// Straight lines from <paramref name="high"/> to <paramref name="low"/>, one a cycle: with t = (i mod c + 1) / c the i-th update of
    /// the phase has the rate (1 - t) high + t low (Izmailov et al., section 3.2). Average with <c>every</c> = <paramref name="length"/>.
    /// </summary>
    /// <param name="high">The rate that a cycle starts from, at least <paramref name="low"/>.</param>
    /// <param name="low">The rate that a cycle ends at, above 0.</param>
    /// <param name="start">Updates before the phase.</param>
    /// <param name="length">Updates of a cycle c, 1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static SwaLearningRate Cyclic(double high, double low, long start, long length)
    {
        Require.Positive(low);
        Require.That(high >= low && double.IsFinite(high), high, $"a finite number of at least {nameof(low)}, {low}");
        Require.AtLeast(start, 0);
        Require.AtLeast(length, 1);
        return new(start, length, high, low, isCyclic: true);
    }

    /// <summary>The rate of an update.</summary>
    /// <param name="update">The update, from 0.</param>
    /// <param name="before">The rate of the schedule that runs before the phase, by update.</param>
    public double At(long update, Func<long, double> before)
    {
        ArgumentNullException.ThrowIfNull(before);
        if (update < Start)
            return before(update);
        long i = update - Start;
        if (IsCyclic)
        {
            double t = ((i % Length) + 1.0) / Length;
            return ((1 - t) * High) + (t * Low);
        }
        if (i >= Length)
            return Low;
        double from = before(Start);
        return Low + ((from - Low) * (1 + Math.Cos(Math.PI * i / Length)) / 2);
    }
}
