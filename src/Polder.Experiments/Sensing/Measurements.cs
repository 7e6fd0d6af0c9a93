using System.Numerics;

namespace Polder.Experiments.Sensing;

/// <summary>
/// n measurements y_i = &lt;A_i, X&gt; by symmetric d x d matrices. Only the lower triangle of an A_i is kept, line by line: with the off-diagonal elements of
/// the symmetric X doubled (<see cref="Pack"/>), &lt;A_i, X&gt; is one dot product of half the length, and sum r_i A_i is a sum of the same lines.
/// </summary>
internal sealed unsafe class Measurements<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly AlignedBuffer<T> _rows;
    private readonly AlignedBuffer<T> _targets;

    private Measurements(int dimension, int count)
    {
        Dimension = dimension;
        Count = count;
        Stride = StrideOf(dimension);
        PaddedCount = (count + SensingKernel<T>.TileRows - 1) / SensingKernel<T>.TileRows * SensingKernel<T>.TileRows;
        _rows = new AlignedBuffer<T>((long)PaddedCount * Stride);
        _targets = new AlignedBuffer<T>(PaddedCount);
    }

    public int Dimension { get; }

    /// <summary>n.</summary>
    public int Count { get; }

    /// <summary>n, filled up with rows and targets of zero (residual zero) to whole tiles.</summary>
    public int PaddedCount { get; }

    /// <summary>Elements from one packed matrix to the next.</summary>
    public int Stride { get; }

    public T* Rows => _rows.Pointer;

    public T* Targets => _targets.Pointer;

    /// <summary>(1/n) sum y_i^2.</summary>
    public double MeanSquareTarget { get; private set; }

    /// <summary>
    /// Gaussian matrices A = (G + G^T)/2: N(0, 1) on the diagonal, N(0, 1/2) beside it, element j of the packed A_i from element j of
    /// (step i, draw <paramref name="draw"/>) of <paramref name="stream"/>, and y_i = &lt;A_i, X&gt; summed in double.
    /// </summary>
    /// <param name="dimension">d.</param>
    /// <param name="count">n.</param>
    /// <param name="stream">Where the numbers come from.</param>
    /// <param name="draw">The draw of the stream that belongs to this set.</param>
    /// <param name="packedTruth">X, packed.</param>
    /// <param name="threads">The greatest number of threads.</param>
    public static Measurements<T> Generate(int dimension, int count, NoiseStream stream, int draw, double[] packedTruth, int threads)
    {
        var set = new Measurements<T>(dimension, count);
        int length = PackedLength(dimension);
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, () => new float[length], (i, _, unit) =>
        {
            stream.Fill(i, draw, 0, unit);
            T* row = set.Rows + ((long)i * set.Stride);
            double product = 0;
            for (int line = 0, at = 0; line < dimension; line++)
            {
                for (int column = 0; column <= line; column++, at++)
                {
                    row[at] = T.CreateTruncating(column == line ? unit[at] : unit[at] * double.Sqrt(0.5));
                    product += double.CreateTruncating(row[at]) * packedTruth[at];
                }
            }

            set.Targets[i] = T.CreateTruncating(product);
            return unit;
        }, _ => { });
        set.SumTargets();
        return set;
    }

    /// <summary>
    /// Given matrices, row-major one after another, of which the symmetric part is kept ((A + A^T)/2: X is symmetric and sees no more), and their y.
    /// </summary>
    /// <param name="matrices">n d d numbers.</param>
    /// <param name="targets">n numbers.</param>
    /// <param name="dimension">d.</param>
    public static Measurements<T> FromDense(ReadOnlySpan<double> matrices, ReadOnlySpan<double> targets, int dimension)
    {
        var set = new Measurements<T>(dimension, targets.Length);
        for (int i = 0; i < targets.Length; i++)
        {
            ReadOnlySpan<double> a = matrices.Slice(i * dimension * dimension, dimension * dimension);
            T* row = set.Rows + ((long)i * set.Stride);
            for (int line = 0, at = 0; line < dimension; line++)
                for (int column = 0; column <= line; column++, at++)
                    row[at] = T.CreateTruncating((a[(line * dimension) + column] + a[(column * dimension) + line]) / 2);
            set.Targets[i] = T.CreateTruncating(targets[i]);
        }

        set.SumTargets();
        return set;
    }

    /// <summary>d (d + 1) / 2.</summary>
    /// <param name="dimension">d.</param>
    public static int PackedLength(int dimension) => checked(dimension * (dimension + 1) / 2);

    /// <summary>The lower triangle of a symmetric matrix line by line, elements beside the diagonal doubled.</summary>
    /// <param name="matrix">Its lines, <paramref name="stride"/> elements apart; only the lower triangle is read.</param>
    /// <param name="stride">Elements from line to line.</param>
    /// <param name="dimension">d.</param>
    /// <param name="packed">Where it goes.</param>
    public static void Pack(T* matrix, int stride, int dimension, T* packed)
    {
        for (int line = 0; line < dimension; line++)
        {
            T* source = matrix + ((long)line * stride);
            for (int column = 0; column < line; column++)
                packed[column] = source[column] + source[column];
            packed[line] = source[line];
            packed += line + 1;
        }
    }

    /// <summary>The full symmetric matrix of a packed one whose elements beside the diagonal are not doubled, such as a sum of rows.</summary>
    /// <param name="packed">The lower triangle line by line.</param>
    /// <param name="dimension">d.</param>
    /// <param name="matrix">Where it goes, lines <paramref name="stride"/> elements apart.</param>
    /// <param name="stride">Elements from line to line.</param>
    public static void Unpack(T* packed, int dimension, T* matrix, int stride)
    {
        for (int line = 0; line < dimension; line++)
        {
            T* target = matrix + ((long)line * stride);
            for (int column = 0; column <= line; column++)
            {
                T value = packed[column];
                target[column] = value;
                matrix[((long)column * stride) + line] = value;
            }

            packed += line + 1;
        }
    }

    private static int StrideOf(int dimension)
    {
        // An odd number of cache lines: rows that start on the same place of every page would fall into the same sets of the cache.
        int lines = (PackedLength(dimension) + SensingKernel<T>.Alignment - 1) / SensingKernel<T>.Alignment;
        return (lines | 1) * SensingKernel<T>.Alignment;
    }

    private void SumTargets()
    {
        double sum = 0;
        for (int i = 0; i < Count; i++)
        {
            double y = double.CreateTruncating(Targets[i]);
            sum += y * y;
        }

        MeanSquareTarget = sum / Count;
    }
}
