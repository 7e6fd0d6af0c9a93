using System.Numerics;
using System.Runtime.Intrinsics;

namespace Polder.Experiments.Sensing;

/// <summary>The three inner loops of matrix sensing, on raw memory; the width of the vectors is chosen once, when the kernel is made.</summary>
internal abstract unsafe class SensingKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows that are processed together: every row count is a multiple of it (rows of zeros fill up).</summary>
    public const int TileRows = 8;

    /// <summary>
    /// Every line of memory starts on, and is padded with zeros to, a multiple of this many elements (the widest vector of the narrower type).
    /// </summary>
    public const int Alignment = 16;

    /// <summary>The widest kernel that this processor runs.</summary>
    public static SensingKernel<T> Widest { get; } = Supported()[0];

    /// <summary>The name of the vectors, for reports and tests.</summary>
    public abstract string Name { get; }

    /// <summary>All kernels that this processor runs, the widest first, the scalar one last.</summary>
    public static IReadOnlyList<SensingKernel<T>> Supported()
    {
        var kernels = new List<SensingKernel<T>>();
        if (typeof(T) == typeof(float))
        {
            Add<Float512, Vector512<float>, float>();
            Add<Float256, Vector256<float>, float>();
            Add<Float128, Vector128<float>, float>();
        }
        else if (typeof(T) == typeof(double))
        {
            Add<Double512, Vector512<double>, double>();
            Add<Double256, Vector256<double>, double>();
            Add<Double128, Vector128<double>, double>();
        }

        kernels.Add(new SensingKernel<Scalar<T>, T, T>());
        return kernels;

        void Add<TSimd, TVector, TElement>()
            where TSimd : struct, ISimd<TVector, TElement>
            where TVector : unmanaged
            where TElement : unmanaged, IFloatingPointIeee754<TElement>
        {
            if (TSimd.IsSupported)
                kernels.Add((SensingKernel<T>)(object)new SensingKernel<TSimd, TVector, TElement>());
        }
    }

    /// <summary>
    /// Residuals, sums of squares and gradients of all points from one pass over <paramref name="rowCount"/> measurements:
    /// r_ip = &lt;a_i, x_p&gt; - s_p y_i, squares_p += sum_i r_ip^2, gradient_p += sum_i r_ip a_i.
    /// </summary>
    /// <param name="rows">The measurements, <paramref name="stride"/> elements apart.</param>
    /// <param name="stride">Elements of a row, of a point and of a gradient, padding included: a multiple of <see cref="Alignment"/>.</param>
    /// <param name="rowCount">A multiple of <see cref="TileRows"/>.</param>
    /// <param name="targets">y, one a row.</param>
    /// <param name="points">x_p, one after another.</param>
    /// <param name="pointCount">The number of points.</param>
    /// <param name="targetScales">s_p: one for a residual, zero for a plain product.</param>
    /// <param name="squares">One sum a point, in double: a loss keeps more digits than its terms.</param>
    /// <param name="gradients">One a point, or null where only the sums are wanted.</param>
    public abstract void Accumulate(T* rows, nint stride, int rowCount, T* targets, T* points, int pointCount, T* targetScales, double* squares, T* gradients);

    /// <summary>
    /// C = A B for small matrices: C is <paramref name="rowCount"/> x <paramref name="columns"/>, A is read up to column <paramref name="inner"/>. With
    /// <paramref name="lowerOnly"/> tiles that lie wholly above the diagonal are left as they are. All lines are <paramref name="stride"/> elements apart.
    /// </summary>
    /// <param name="a">A, with <paramref name="rowCount"/> lines.</param>
    /// <param name="b">B, with <paramref name="inner"/> lines.</param>
    /// <param name="c">C.</param>
    /// <param name="stride">A multiple of <see cref="Alignment"/>.</param>
    /// <param name="rowCount">A multiple of <see cref="TileRows"/>.</param>
    /// <param name="inner">The length of the sums.</param>
    /// <param name="columns">A multiple of <see cref="Alignment"/>, at most <paramref name="stride"/>.</param>
    /// <param name="lowerOnly">Whether only the lower triangle is wanted.</param>
    public abstract void Multiply(T* a, T* b, T* c, nint stride, int rowCount, int inner, int columns, bool lowerOnly);

    /// <summary>y += alpha x, for <paramref name="count"/> elements, a multiple of <see cref="Alignment"/>.</summary>
    /// <param name="alpha">The factor.</param>
    /// <param name="x">What is added.</param>
    /// <param name="y">Where it is added.</param>
    /// <param name="count">The number of elements.</param>
    public abstract void Add(T alpha, T* x, T* y, nint count);
}

/// <inheritdoc cref="SensingKernel{T}"/>
/// <typeparam name="TSimd">The operations.</typeparam>
/// <typeparam name="TVector">The register.</typeparam>
/// <typeparam name="T">The element.</typeparam>
internal sealed unsafe class SensingKernel<TSimd, TVector, T> : SensingKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : unmanaged
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // From this many points on a block's columns are taken in chunks, so that the block's part of a chunk stays in the first-level cache for all of them.
    private const int ChunkedFrom = 4;
    private const int ChunkBytes = 640 * sizeof(float);

    public override string Name => $"{typeof(TSimd).Name}";

    public override void Accumulate(T* rows, nint stride, int rowCount, T* targets, T* points, int pointCount, T* targetScales, double* squares, T* gradients)
    {
        nint chunk = pointCount < ChunkedFrom ? stride : ChunkBytes / sizeof(T);
        int sumCount = TileRows * pointCount;
        TVector* sums = stackalloc TVector[sumCount];
        T* residuals = stackalloc T[sumCount];

        for (int row = 0; row < rowCount; row += TileRows)
        {
            T* block = rows + (row * stride);
            new Span<TVector>(sums, sumCount).Clear();
            for (nint column = 0; column < stride; column += chunk)
            {
                nint count = Math.Min(chunk, stride - column);
                int point = 0;
                for (; point + 1 < pointCount; point += 2)
                    Tiles<TSimd, TVector, T>.Dot2(block + column, stride, points + (point * stride) + column, count, sums + (point * TileRows));
                if (point < pointCount)
                    Tiles<TSimd, TVector, T>.Dot1(block + column, stride, points + (point * stride) + column, count, sums + (point * TileRows));
            }

            for (int point = 0; point < pointCount; point++)
            {
                double square = 0;
                for (int i = 0; i < TileRows; i++)
                {
                    int at = (point * TileRows) + i;
                    T residual = TSimd.Sum(sums[at]) - (targetScales[point] * targets[row + i]);
                    residuals[at] = residual;
                    double wide = double.CreateTruncating(residual);
                    square += wide * wide;
                }

                squares[point] += square;
            }

            if (gradients is null)
                continue;

            for (nint column = 0; column < stride; column += chunk)
            {
                nint count = Math.Min(chunk, stride - column);
                int point = 0;
                for (; point + 1 < pointCount; point += 2)
                    Tiles<TSimd, TVector, T>.Gradient2(block + column, stride, residuals + (point * TileRows), gradients + (point * stride) + column, count);
                if (point < pointCount)
                    Tiles<TSimd, TVector, T>.Gradient1(block + column, stride, residuals + (point * TileRows), gradients + (point * stride) + column, count);
            }
        }
    }

    public override void Multiply(T* a, T* b, T* c, nint stride, int rowCount, int inner, int columns, bool lowerOnly)
    {
        for (int row = 0; row < rowCount; row += TileRows)
        {
            int wanted = lowerOnly ? Math.Min(columns, row + TileRows) : columns;
            int column = 0;
            for (; column + TSimd.Lanes < wanted; column += 2 * TSimd.Lanes)
                Tiles<TSimd, TVector, T>.Multiply2(a + (row * stride), b + column, c + (row * stride) + column, stride, inner);
            if (column < wanted)
                Tiles<TSimd, TVector, T>.Multiply1(a + (row * stride), b + column, c + (row * stride) + column, stride, inner);
        }
    }

    public override void Add(T alpha, T* x, T* y, nint count)
    {
        TVector factor = TSimd.Broadcast(alpha);
        for (nint i = 0; i < count; i += TSimd.Lanes)
            TSimd.Store(y + i, TSimd.MultiplyAdd(factor, TSimd.Load(x + i), TSimd.Load(y + i)));
    }
}
