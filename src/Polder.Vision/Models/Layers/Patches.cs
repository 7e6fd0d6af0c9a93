using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch.autograd;

namespace Polder.Vision.Models;

/// <summary>
/// The patches that a convolution's outputs see, a row an output, each row in the order of the weights: channel, then tap. libtorch's unfold and fold do this a
/// number at a time and give the transpose; over 4 x 4 pixels that was a third of the time of the product (bench/RESULTS.md).
/// </summary>
internal static class Patches
{
    /// <summary>The rows; they can be differentiated as often as one likes.</summary>
    /// <param name="input">Batch x channels x height x width, in memory of the processor: bf16, float32 or float64.</param>
    /// <param name="geometry">Which pixels are seen.</param>
    /// <returns>(batch * outputs) x (channels * taps).</returns>
    public static Tensor Rows(Tensor input, PatchGeometry geometry) => Gathered.apply(input, geometry);

    /// <summary>Whether patches can be made of a map: one in memory of the processor, of a type that is known here.</summary>
    public static bool CanHave(Tensor input) =>
        input.device_type == DeviceType.CPU && input.dtype is (ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64);

    // Linear, so that the derivative is the transpose, which is such a function, too: each is the other's.
    private abstract class Map<TSelf, TTranspose> : SingleTensorFunction<TSelf>
        where TSelf : Map<TSelf, TTranspose>, new()
        where TTranspose : Map<TTranspose, TSelf>, new()
    {
        public override string Name => typeof(TSelf).Name;

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            var geometry = (PatchGeometry)vars[1];
            ctx.save_data(nameof(geometry), geometry);
            return Of((Tensor)vars[0], geometry);
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) =>
            [SingleTensorFunction<TTranspose>.apply(grad_output, ctx.get_data("geometry")), null!];

        protected abstract Tensor Of(Tensor input, PatchGeometry geometry);
    }

    private sealed class Gathered : Map<Gathered, Spread>
    {
        protected override Tensor Of(Tensor input, PatchGeometry geometry) => Gather(input, geometry);
    }

    private sealed class Spread : Map<Spread, Gathered>
    {
        protected override Tensor Of(Tensor input, PatchGeometry geometry) => Sum(input, geometry);
    }

    private static Tensor Gather(Tensor input, PatchGeometry g)
    {
        using var scope = NewDisposeScope();
        Tensor last = input.detach().permute(0, 2, 3, 1).contiguous();
        Tensor rows = empty([(long)g.Batch * g.Output.Height * g.Output.Width, (long)g.Channels * g.Taps], last.dtype);
        int[] offsets = g.Offsets;
        EachImage(g, last.dtype switch
        {
            ScalarType.BFloat16 => n => GatherImage(Part<ushort>(last, n, g.ImageLength), Part<ushort>(rows, n, g.RowsLength), offsets, g),
            ScalarType.Float32 => n => GatherImage(Part<float>(last, n, g.ImageLength), Part<float>(rows, n, g.RowsLength), offsets, g),
            _ => n => GatherImage(Part<double>(last, n, g.ImageLength), Part<double>(rows, n, g.RowsLength), offsets, g),
        });
        return rows.MoveToOuterDisposeScope();
    }

    private static Tensor Sum(Tensor gradient, PatchGeometry g)
    {
        using var scope = NewDisposeScope();
        Tensor rows = gradient.detach().contiguous();
        Tensor last = empty([g.Batch, g.Input.Height, g.Input.Width, g.Channels], rows.dtype);
        int[][] sources = g.Sources();
        EachImage(g, last.dtype switch
        {
            ScalarType.BFloat16 => n => SumImage(Part<ushort>(rows, n, g.RowsLength), Part<ushort>(last, n, g.ImageLength), sources, g),
            ScalarType.Float32 => n => SumImage(Part<float>(rows, n, g.RowsLength), Part<float>(last, n, g.ImageLength), sources, g),
            _ => n => SumImage(Part<double>(rows, n, g.RowsLength), Part<double>(last, n, g.ImageLength), sources, g),
        });
        return last.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    private static void EachImage(PatchGeometry g, Action<int> work)
    {
        int threads = get_num_threads();
        if (threads == 1)
        {
            for (int n = 0; n < g.Batch; n++)
                work(n);
        }
        else
            Parallel.For(0, g.Batch, new ParallelOptions { MaxDegreeOfParallelism = threads }, work);
    }

    private static Span<T> Part<T>(Tensor tensor, int image, int length)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(tensor.bytes).Slice(image * length, length);

    private static void GatherImage<T>(ReadOnlySpan<T> image, Span<T> rows, int[] offsets, PatchGeometry g)
    {
        (int taps, int channels) = (g.Taps, g.Channels);
        for (int output = 0; output * taps < offsets.Length; output++)
        {
            Span<T> row = rows.Slice(output * taps * channels, taps * channels);
            for (int tap = 0; tap < taps; tap++)
            {
                int offset = offsets[output * taps + tap];
                if (offset < 0)
                {
                    for (int at = tap; at < row.Length; at += taps)
                        row[at] = default!;
                    continue;
                }
                ReadOnlySpan<T> pixel = image.Slice(offset, channels);
                int to = tap;
                foreach (T value in pixel)
                {
                    row[to] = value;
                    to += taps;
                }
            }
        }
    }

    private static void SumImage<T>(ReadOnlySpan<T> rows, Span<T> image, int[][] sources, PatchGeometry g)
        where T : INumber<T>
    {
        ref T first = ref MemoryMarshal.GetReference(rows);
        for (int i = 0; i < sources.Length; i++)
        {
            int[] seen = sources[i];
            Span<T> pixel = image.Slice(i * g.Channels, g.Channels);
            for (int c = 0, at = 0; c < pixel.Length; c++, at += g.Taps)
            {
                T sum = T.Zero;
                foreach (int source in seen)
                    sum += Unsafe.Add(ref first, source + at);
                pixel[c] = sum;
            }
        }
    }

    // In float32, rounded once.
    private static void SumImage(ReadOnlySpan<ushort> rows, Span<ushort> image, int[][] sources, PatchGeometry g)
    {
        ref ushort first = ref MemoryMarshal.GetReference(rows);
        int taps = g.Taps;
        for (int i = 0; i < sources.Length; i++)
        {
            ReadOnlySpan<int> seen = sources[i];
            Span<ushort> pixel = image.Slice(i * g.Channels, g.Channels);
            for (int c = 0, at = 0; c < pixel.Length; c++, at += taps)
            {
                float sum = 0;
                foreach (int source in seen)
                    sum += BitConverter.UInt32BitsToSingle((uint)Unsafe.Add(ref first, source + at) << 16);
                pixel[c] = Rounded(sum);
            }
        }
    }

    // To the nearest, a tie to the even one; what is not a number stays that.
    private static ushort Rounded(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7fc0 : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}
