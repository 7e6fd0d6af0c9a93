using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Polder.Experiments.Sensing;

/// <summary>The three inner loops of matrix sensing, on raw memory; the width of the vectors is chosen once, when the kernel is made.</summary>
internal abstract unsafe class SensingKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows that are processed together: every row count is a multiple of it (rows of zeros fill up).</summary>
    public const int TileRows = 8;

    /// <summary>Every line of memory starts on, and is padded with zeros to, a multiple of this many elements (the widest vector of the narrower type).</summary>
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
                    Dot2(block + column, stride, points + (point * stride) + column, count, sums + (point * TileRows));
                if (point < pointCount)
                    Dot1(block + column, stride, points + (point * stride) + column, count, sums + (point * TileRows));
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
                    Gradient2(block + column, stride, residuals + (point * TileRows), gradients + (point * stride) + column, count);
                if (point < pointCount)
                    Gradient1(block + column, stride, residuals + (point * TileRows), gradients + (point * stride) + column, count);
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
                Multiply2(a + (row * stride), b + column, c + (row * stride) + column, stride, inner);
            if (column < wanted)
                Multiply1(a + (row * stride), b + column, c + (row * stride) + column, stride, inner);
        }
    }

    public override void Add(T alpha, T* x, T* y, nint count)
    {
        TVector factor = TSimd.Broadcast(alpha);
        for (nint i = 0; i < count; i += TSimd.Lanes)
            TSimd.Store(y + i, TSimd.MultiplyAdd(factor, TSimd.Load(x + i), TSimd.Load(y + i)));
    }

    // The tiles. A row's element is loaded once for two points: eight rows by two points are sixteen sums, which AVX-512's registers hold. Tiles of one
    // and of two points add in the same order, so a point's result does not depend on how many others are evaluated with it.
    private static void Dot2(T* a, nint stride, T* x0, nint count, TVector* sums)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride, a7 = a6 + stride;
        T* x1 = x0 + stride;
        TVector s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], s4 = sums[4], s5 = sums[5], s6 = sums[6], s7 = sums[7];
        TVector t0 = sums[8], t1 = sums[9], t2 = sums[10], t3 = sums[11], t4 = sums[12], t5 = sums[13], t6 = sums[14], t7 = sums[15];
        for (nint i = 0; i < count; i += TSimd.Lanes)
        {
            TVector x = TSimd.Load(x0 + i), y = TSimd.Load(x1 + i);
            TVector v = TSimd.Load(a + i);
            s0 = TSimd.MultiplyAdd(v, x, s0);
            t0 = TSimd.MultiplyAdd(v, y, t0);
            v = TSimd.Load(a1 + i);
            s1 = TSimd.MultiplyAdd(v, x, s1);
            t1 = TSimd.MultiplyAdd(v, y, t1);
            v = TSimd.Load(a2 + i);
            s2 = TSimd.MultiplyAdd(v, x, s2);
            t2 = TSimd.MultiplyAdd(v, y, t2);
            v = TSimd.Load(a3 + i);
            s3 = TSimd.MultiplyAdd(v, x, s3);
            t3 = TSimd.MultiplyAdd(v, y, t3);
            v = TSimd.Load(a4 + i);
            s4 = TSimd.MultiplyAdd(v, x, s4);
            t4 = TSimd.MultiplyAdd(v, y, t4);
            v = TSimd.Load(a5 + i);
            s5 = TSimd.MultiplyAdd(v, x, s5);
            t5 = TSimd.MultiplyAdd(v, y, t5);
            v = TSimd.Load(a6 + i);
            s6 = TSimd.MultiplyAdd(v, x, s6);
            t6 = TSimd.MultiplyAdd(v, y, t6);
            v = TSimd.Load(a7 + i);
            s7 = TSimd.MultiplyAdd(v, x, s7);
            t7 = TSimd.MultiplyAdd(v, y, t7);
        }

        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
        sums[4] = s4;
        sums[5] = s5;
        sums[6] = s6;
        sums[7] = s7;
        sums[8] = t0;
        sums[9] = t1;
        sums[10] = t2;
        sums[11] = t3;
        sums[12] = t4;
        sums[13] = t5;
        sums[14] = t6;
        sums[15] = t7;
    }

    private static void Dot1(T* a, nint stride, T* x0, nint count, TVector* sums)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride, a7 = a6 + stride;
        TVector s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], s4 = sums[4], s5 = sums[5], s6 = sums[6], s7 = sums[7];
        for (nint i = 0; i < count; i += TSimd.Lanes)
        {
            TVector x = TSimd.Load(x0 + i);
            s0 = TSimd.MultiplyAdd(TSimd.Load(a + i), x, s0);
            s1 = TSimd.MultiplyAdd(TSimd.Load(a1 + i), x, s1);
            s2 = TSimd.MultiplyAdd(TSimd.Load(a2 + i), x, s2);
            s3 = TSimd.MultiplyAdd(TSimd.Load(a3 + i), x, s3);
            s4 = TSimd.MultiplyAdd(TSimd.Load(a4 + i), x, s4);
            s5 = TSimd.MultiplyAdd(TSimd.Load(a5 + i), x, s5);
            s6 = TSimd.MultiplyAdd(TSimd.Load(a6 + i), x, s6);
            s7 = TSimd.MultiplyAdd(TSimd.Load(a7 + i), x, s7);
        }

        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
        sums[4] = s4;
        sums[5] = s5;
        sums[6] = s6;
        sums[7] = s7;
    }

    private static void Gradient2(T* a, nint stride, T* residuals, T* g0, nint count)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride, a7 = a6 + stride;
        T* g1 = g0 + stride;
        TVector r0 = TSimd.Broadcast(residuals[0]), r1 = TSimd.Broadcast(residuals[1]), r2 = TSimd.Broadcast(residuals[2]), r3 = TSimd.Broadcast(residuals[3]);
        TVector r4 = TSimd.Broadcast(residuals[4]), r5 = TSimd.Broadcast(residuals[5]), r6 = TSimd.Broadcast(residuals[6]), r7 = TSimd.Broadcast(residuals[7]);
        TVector q0 = TSimd.Broadcast(residuals[8]), q1 = TSimd.Broadcast(residuals[9]), q2 = TSimd.Broadcast(residuals[10]), q3 = TSimd.Broadcast(residuals[11]);
        TVector q4 = TSimd.Broadcast(residuals[12]), q5 = TSimd.Broadcast(residuals[13]), q6 = TSimd.Broadcast(residuals[14]), q7 = TSimd.Broadcast(residuals[15]);
        for (nint i = 0; i < count; i += TSimd.Lanes)
        {
            TVector g = TSimd.Load(g0 + i), h = TSimd.Load(g1 + i);
            TVector v = TSimd.Load(a + i);
            g = TSimd.MultiplyAdd(v, r0, g);
            h = TSimd.MultiplyAdd(v, q0, h);
            v = TSimd.Load(a1 + i);
            g = TSimd.MultiplyAdd(v, r1, g);
            h = TSimd.MultiplyAdd(v, q1, h);
            v = TSimd.Load(a2 + i);
            g = TSimd.MultiplyAdd(v, r2, g);
            h = TSimd.MultiplyAdd(v, q2, h);
            v = TSimd.Load(a3 + i);
            g = TSimd.MultiplyAdd(v, r3, g);
            h = TSimd.MultiplyAdd(v, q3, h);
            v = TSimd.Load(a4 + i);
            g = TSimd.MultiplyAdd(v, r4, g);
            h = TSimd.MultiplyAdd(v, q4, h);
            v = TSimd.Load(a5 + i);
            g = TSimd.MultiplyAdd(v, r5, g);
            h = TSimd.MultiplyAdd(v, q5, h);
            v = TSimd.Load(a6 + i);
            g = TSimd.MultiplyAdd(v, r6, g);
            h = TSimd.MultiplyAdd(v, q6, h);
            v = TSimd.Load(a7 + i);
            TSimd.Store(g0 + i, TSimd.MultiplyAdd(v, r7, g));
            TSimd.Store(g1 + i, TSimd.MultiplyAdd(v, q7, h));
        }
    }

    private static void Gradient1(T* a, nint stride, T* residuals, T* g0, nint count)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride, a7 = a6 + stride;
        TVector r0 = TSimd.Broadcast(residuals[0]), r1 = TSimd.Broadcast(residuals[1]), r2 = TSimd.Broadcast(residuals[2]), r3 = TSimd.Broadcast(residuals[3]);
        TVector r4 = TSimd.Broadcast(residuals[4]), r5 = TSimd.Broadcast(residuals[5]), r6 = TSimd.Broadcast(residuals[6]), r7 = TSimd.Broadcast(residuals[7]);
        for (nint i = 0; i < count; i += TSimd.Lanes)
        {
            TVector g = TSimd.MultiplyAdd(TSimd.Load(a + i), r0, TSimd.Load(g0 + i));
            g = TSimd.MultiplyAdd(TSimd.Load(a1 + i), r1, g);
            g = TSimd.MultiplyAdd(TSimd.Load(a2 + i), r2, g);
            g = TSimd.MultiplyAdd(TSimd.Load(a3 + i), r3, g);
            g = TSimd.MultiplyAdd(TSimd.Load(a4 + i), r4, g);
            g = TSimd.MultiplyAdd(TSimd.Load(a5 + i), r5, g);
            g = TSimd.MultiplyAdd(TSimd.Load(a6 + i), r6, g);
            TSimd.Store(g0 + i, TSimd.MultiplyAdd(TSimd.Load(a7 + i), r7, g));
        }
    }

    private static void Multiply2(T* a, T* b, T* c, nint stride, int inner)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride, a7 = a6 + stride;
        TVector zero = TSimd.Broadcast(T.Zero);
        TVector s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
        TVector t0 = zero, t1 = zero, t2 = zero, t3 = zero, t4 = zero, t5 = zero, t6 = zero, t7 = zero;
        for (nint k = 0; k < inner; k++, b += stride)
        {
            TVector x = TSimd.Load(b), y = TSimd.Load(b + TSimd.Lanes);
            TVector v = TSimd.Broadcast(a[k]);
            s0 = TSimd.MultiplyAdd(v, x, s0);
            t0 = TSimd.MultiplyAdd(v, y, t0);
            v = TSimd.Broadcast(a1[k]);
            s1 = TSimd.MultiplyAdd(v, x, s1);
            t1 = TSimd.MultiplyAdd(v, y, t1);
            v = TSimd.Broadcast(a2[k]);
            s2 = TSimd.MultiplyAdd(v, x, s2);
            t2 = TSimd.MultiplyAdd(v, y, t2);
            v = TSimd.Broadcast(a3[k]);
            s3 = TSimd.MultiplyAdd(v, x, s3);
            t3 = TSimd.MultiplyAdd(v, y, t3);
            v = TSimd.Broadcast(a4[k]);
            s4 = TSimd.MultiplyAdd(v, x, s4);
            t4 = TSimd.MultiplyAdd(v, y, t4);
            v = TSimd.Broadcast(a5[k]);
            s5 = TSimd.MultiplyAdd(v, x, s5);
            t5 = TSimd.MultiplyAdd(v, y, t5);
            v = TSimd.Broadcast(a6[k]);
            s6 = TSimd.MultiplyAdd(v, x, s6);
            t6 = TSimd.MultiplyAdd(v, y, t6);
            v = TSimd.Broadcast(a7[k]);
            s7 = TSimd.MultiplyAdd(v, x, s7);
            t7 = TSimd.MultiplyAdd(v, y, t7);
        }

        Store2(c, s0, t0);
        Store2(c + stride, s1, t1);
        Store2(c + (2 * stride), s2, t2);
        Store2(c + (3 * stride), s3, t3);
        Store2(c + (4 * stride), s4, t4);
        Store2(c + (5 * stride), s5, t5);
        Store2(c + (6 * stride), s6, t6);
        Store2(c + (7 * stride), s7, t7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store2(T* c, TVector first, TVector second)
    {
        TSimd.Store(c, first);
        TSimd.Store(c + TSimd.Lanes, second);
    }

    private static void Multiply1(T* a, T* b, T* c, nint stride, int inner)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride, a7 = a6 + stride;
        TVector zero = TSimd.Broadcast(T.Zero);
        TVector s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
        for (nint k = 0; k < inner; k++, b += stride)
        {
            TVector x = TSimd.Load(b);
            s0 = TSimd.MultiplyAdd(TSimd.Broadcast(a[k]), x, s0);
            s1 = TSimd.MultiplyAdd(TSimd.Broadcast(a1[k]), x, s1);
            s2 = TSimd.MultiplyAdd(TSimd.Broadcast(a2[k]), x, s2);
            s3 = TSimd.MultiplyAdd(TSimd.Broadcast(a3[k]), x, s3);
            s4 = TSimd.MultiplyAdd(TSimd.Broadcast(a4[k]), x, s4);
            s5 = TSimd.MultiplyAdd(TSimd.Broadcast(a5[k]), x, s5);
            s6 = TSimd.MultiplyAdd(TSimd.Broadcast(a6[k]), x, s6);
            s7 = TSimd.MultiplyAdd(TSimd.Broadcast(a7[k]), x, s7);
        }

        TSimd.Store(c, s0);
        TSimd.Store(c + stride, s1);
        TSimd.Store(c + (2 * stride), s2);
        TSimd.Store(c + (3 * stride), s3);
        TSimd.Store(c + (4 * stride), s4);
        TSimd.Store(c + (5 * stride), s5);
        TSimd.Store(c + (6 * stride), s6);
        TSimd.Store(c + (7 * stride), s7);
    }
}
