namespace Polder.Vision.Training.Metrics;

/// <summary>
/// The expected calibration error (Naeini et al. 2015, Guo et al. 2017): images are put into bins of equal width by the probability of the predicted
/// class, and the gaps between accuracy and mean probability of the bins are averaged with their numbers of images.
/// </summary>
public sealed class CalibrationBins
{
    /// <summary>The usual number of bins.</summary>
    public const int DefaultBins = 15;

    private readonly long[] _counts;
    private readonly long[] _right;
    private readonly double[] _confidence;
    private long _count;

    /// <summary>Empty bins.</summary>
    /// <param name="bins">Number of bins of [0, 1], 1 or more.</param>
    public CalibrationBins(int bins = DefaultBins)
    {
        Require.AtLeast(bins, 1);
        (_counts, _right, _confidence) = (new long[bins], new long[bins], new double[bins]);
    }

    /// <summary>Counts one image.</summary>
    /// <param name="confidence">The probability of the predicted class, 0 to 1.</param>
    /// <param name="right">Whether the prediction is right.</param>
    public void Add(double confidence, bool right)
    {
        Require.Share(confidence);
        // Bins are open below and closed above, as usual: 1 belongs to the last.
        int bin = Math.Clamp((int)Math.Ceiling(confidence * _counts.Length) - 1, 0, _counts.Length - 1);
        _counts[bin]++;
        _right[bin] += right ? 1 : 0;
        _confidence[bin] += confidence;
        _count++;
    }

    /// <summary>The expected calibration error, 0 to 1; NaN without images.</summary>
    public double Error => _count == 0
        ? double.NaN
        : Enumerable.Range(0, _counts.Length).Sum(b => Math.Abs(_right[b] - _confidence[b])) / _count;
}
