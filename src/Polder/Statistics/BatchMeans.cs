namespace Polder.Statistics;

/// <summary>
/// Means of numbers that come step by step, with standard errors that allow for the likeness of neighbouring steps: the spread of the
/// means of batches of consecutive steps, at least <see cref="Least"/> of them once there are as many steps. When there are twice as many,
/// neighbours are joined, so that batches grow with the series and memory does not.
/// </summary>
internal sealed class BatchMeans(int width)
{
    /// <summary>The least number of batches of a long series.</summary>
    public const int Least = 16;

    private readonly List<double[]> _sums = [];
    private double[] _open = new double[width];
    private int _openSteps;
    private int _length = 1;

    /// <summary>The number of numbers a step.</summary>
    public int Width => width;

    /// <summary>The number of steps.</summary>
    public long Count => ((long)_sums.Count * _length) + _openSteps;

    /// <summary>Adds a step.</summary>
    public void Add(ReadOnlySpan<double> values)
    {
        for (int i = 0; i < width; i++)
            _open[i] += values[i];
        if (++_openSteps < _length)
            return;
        _sums.Add(_open);
        (_open, _openSteps) = (new double[width], 0);
        if (_sums.Count < 2 * Least)
            return;
        for (int b = 0; b < Least; b++)
            _sums[b] = [.. _sums[2 * b].Zip(_sums[(2 * b) + 1], (x, y) => x + y)];
        _sums.RemoveRange(Least, Least);
        _length *= 2;
    }

    /// <summary>The estimate of one of the numbers.</summary>
    public MeanEstimate Estimate(int index)
    {
        int batches = _sums.Count;
        if (Count == 0)
            return new MeanEstimate(double.NaN, double.NaN, 0);
        double mean = (_sums.Sum(sum => sum[index]) + _open[index]) / Count;
        if (batches < 2)
            return new MeanEstimate(mean, double.NaN, Count);
        double centre = _sums.Average(sum => sum[index]) / _length;
        double square = _sums.Sum(sum => Math.Pow((sum[index] / _length) - centre, 2)) / (batches - 1);
        // The steps of the batch that is still open are in the mean, too.
        return new MeanEstimate(mean, Math.Sqrt(square * _length / Count), Count);
    }

    /// <summary>All of it in one row of numbers, for <see cref="Load"/>.</summary>
    public double[] Save() => [width, _length, _openSteps, .. _open, .. _sums.SelectMany(sum => sum)];

    /// <summary>What <see cref="Save"/> gave.</summary>
    public static BatchMeans Load(ReadOnlySpan<double> saved)
    {
        int width = (int)saved[0];
        var means = new BatchMeans(width) { _length = (int)saved[1], _openSteps = (int)saved[2], _open = saved.Slice(3, width).ToArray() };
        for (int start = 3 + width; start < saved.Length; start += width)
            means._sums.Add(saved.Slice(start, width).ToArray());
        return means;
    }
}
