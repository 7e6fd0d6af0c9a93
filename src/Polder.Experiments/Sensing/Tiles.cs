using System.Numerics;
using System.Runtime.CompilerServices;

namespace Polder.Experiments.Sensing;

/// <summary>
/// The tiles that <see cref="SensingKernel{TSimd, TVector, T}"/> cuts its work into: eight rows by one or by two points. A row's element is loaded once
/// for two points: eight rows by two points are sixteen sums, which AVX-512's registers hold. Tiles of one and of two points add in the same order, so
/// a point's result does not depend on how many others are evaluated with it.
/// </summary>
/// <inheritdoc cref="SensingKernel{TSimd, TVector, T}" path="/typeparam"/>
internal static unsafe class Tiles<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : unmanaged
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static void Dot2(T* a, nint stride, T* x0, nint count, TVector* sums)
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

    public static void Dot1(T* a, nint stride, T* x0, nint count, TVector* sums)
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

    public static void Gradient2(T* a, nint stride, T* residuals, T* g0, nint count)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride, a7 = a6 + stride;
        T* g1 = g0 + stride;
        TVector r0 = TSimd.Broadcast(residuals[0]), r1 = TSimd.Broadcast(residuals[1]), r2 = TSimd.Broadcast(residuals[2]), r3 = TSimd.Broadcast(residuals[3]);
        TVector r4 = TSimd.Broadcast(residuals[4]), r5 = TSimd.Broadcast(residuals[5]), r6 = TSimd.Broadcast(residuals[6]), r7 = TSimd.Broadcast(residuals[7]);
        TVector q0 = TSimd.Broadcast(residuals[8]), q1 = TSimd.Broadcast(residuals[9]), q2 = TSimd.Broadcast(residuals[10]),
            q3 = TSimd.Broadcast(residuals[11]);
        TVector q4 = TSimd.Broadcast(residuals[12]), q5 = TSimd.Broadcast(residuals[13]), q6 = TSimd.Broadcast(residuals[14]),
            q7 = TSimd.Broadcast(residuals[15]);
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

    public static void Gradient1(T* a, nint stride, T* residuals, T* g0, nint count)
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

    public static void Multiply2(T* a, T* b, T* c, nint stride, int inner)
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

    public static void Multiply1(T* a, T* b, T* c, nint stride, int inner)
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
