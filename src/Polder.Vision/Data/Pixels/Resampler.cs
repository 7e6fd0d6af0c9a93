using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Polder.Vision.Data.Pixels;

/// <summary>
/// Resizing as the published weights of image networks expect it: bilinear with a triangle that widens with the reduction (so that a reduced
/// image is smooth, not sampled), half-pixel centres, weights that sum to 1 also at the border. Only the window that is asked for is computed.
/// </summary>
internal static class Resampler
{
    /// <summary>Rows that share a vector.</summary>
    private const int Lanes = 8;

    /// <summary>The size of an image whose shorter side is brought to <paramref name="side"/>, the longer one in proportion, rounded down.</summary>
    public static (int Height, int Width) ShorterSide(int height, int width, int side) =>
        height <= width ? (side, Math.Max(side, (int)((long)side * width / height))) : (Math.Max(side, (int)((long)side * height / width)), side);

    /// <summary>The size of an image whose longer side is brought to <paramref name="side"/>, the shorter one in proportion, rounded.</summary>
    public static (int Height, int Width) LongerSide(int height, int width, int side) => height >= width
        ? (side, Math.Max(1, (int)Math.Round((double)side * width / height))) : (Math.Max(1, (int)Math.Round((double)side * height / width)), side);

    /// <summary>Resizes planes to a square: the centre, the whole with black beside it, or the whole out of proportion.</summary>
    public static byte[] Square(ReadOnlySpan<byte> planes, int channels, int height, int width, int side, ImageFit fit = ImageFit.Crop)
    {
        if (height == side && width == side)
            return planes[..(channels * height * width)].ToArray();
        (int scaledHeight, int scaledWidth) = fit switch
        {
            ImageFit.Letterbox => LongerSide(height, width, side),
            ImageFit.Stretch => (side, side),
            _ => ShorterSide(height, width, side),
        };
        // The centre as torchvision has it: half of the surplus, rounded to even. Where there is less than the square, the rest stays black.
        int top = (int)Math.Round((scaledHeight - side) / 2.0), left = (int)Math.Round((scaledWidth - side) / 2.0);
        Filter rows = new(height, scaledHeight, Math.Max(0, top), Math.Min(side, scaledHeight));
        Filter columns = new(width, scaledWidth, Math.Max(0, left), Math.Min(side, scaledWidth));
        byte[] output = new byte[channels * side * side], window = rows.Count < side || columns.Count < side ? new byte[rows.Count * columns.Count] : [];
        for (int c = 0; c < channels; c++)
        {
            ReadOnlySpan<byte> plane = planes.Slice(c * height * width, height * width);
            Span<byte> square = output.AsSpan(c * side * side, side * side);
            Resize(plane, width, rows, columns, window.Length > 0 ? window : square);
            for (int y = 0; y < rows.Count && window.Length > 0; y++)
                window.AsSpan(y * columns.Count, columns.Count).CopyTo(square[((y + Math.Max(0, -top)) * side + Math.Max(0, -left))..]);
        }
        return output;
    }

    /// <summary>Resizes one plane: rows first (vectorised over the columns), then columns (vectorised over the rows).</summary>
    public static void Resize(ReadOnlySpan<byte> plane, int width, Filter rows, Filter columns, Span<byte> output)
    {
        // Only the columns that the window needs.
        int start = columns.First(0), end = columns.First(columns.Count - 1) + columns.Weights(columns.Count - 1).Length;
        float[] line = new float[end - start], block = new float[line.Length * Lanes];
        for (int y = 0; y < rows.Count; y += Lanes)
        {
            int count = Math.Min(Lanes, rows.Count - y);
            for (int lane = 0; lane < count; lane++)
            {
                Array.Clear(line);
                ReadOnlySpan<float> weights = rows.Weights(y + lane);
                for (int k = 0; k < weights.Length; k++)
                    Accumulate(plane.Slice((rows.First(y + lane) + k) * width + start, line.Length), weights[k], line);
                for (int x = 0, to = lane; x < line.Length; x++, to += Lanes)
                    block[to] = line[x];
            }

            Columns(block, start, columns, output[(y * columns.Count)..], count);
        }
    }

    // The block has the elements of its rows beside each other: a column of the output is one vector.
    private static void Columns(ReadOnlySpan<float> block, int start, Filter columns, Span<byte> output, int count)
    {
        ReadOnlySpan<Vector256<float>> source = MemoryMarshal.Cast<float, Vector256<float>>(block);
        Span<int> values = stackalloc int[Lanes];
        for (int x = 0; x < columns.Count; x++)
        {
            ReadOnlySpan<float> taps = columns.Weights(x);
            ReadOnlySpan<Vector256<float>> inputs = source.Slice(columns.First(x) - start, taps.Length);
            Vector256<float> sum = Vector256.Create(0.5f);
            for (int k = 0; k < taps.Length; k++)
                sum += inputs[k] * taps[k];
            Vector256.ConvertToInt32(Vector256.Min(Vector256.Max(sum, Vector256<float>.Zero), Vector256.Create(255f))).CopyTo(values);
            for (int lane = 0; lane < count; lane++)
                output[lane * columns.Count + x] = (byte)values[lane];
        }
    }

    private static void Accumulate(ReadOnlySpan<byte> row, float weight, Span<float> line)
    {
        int x = 0;
        if (Vector.IsHardwareAccelerated)
        {
            ReadOnlySpan<Vector<byte>> bytes = MemoryMarshal.Cast<byte, Vector<byte>>(row);
            Span<Vector<float>> sums = MemoryMarshal.Cast<float, Vector<float>>(line);
            for (int i = 0; i < bytes.Length; i++)
            {
                Vector.Widen(bytes[i], out Vector<ushort> low, out Vector<ushort> high);
                Vector.Widen(low, out Vector<uint> a, out Vector<uint> b);
                Vector.Widen(high, out Vector<uint> c, out Vector<uint> d);
                Span<Vector<float>> four = sums.Slice(4 * i, 4);
                four[0] += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(a));
                four[1] += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(b));
                four[2] += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(c));
                four[3] += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(d));
            }

            x = bytes.Length * Vector<byte>.Count;
        }

        for (; x < row.Length; x++)
            line[x] += weight * row[x];
    }

    /// <summary>For each output position of a window along one axis: where its inputs begin and their weights.</summary>
    internal sealed class Filter
    {
        private readonly int[] _first;
        private readonly int[] _length;
        private readonly float[] _weights;
        private readonly int _stride;

        public Filter(int input, int output, int start, int count)
        {
            double scale = (double)input / output;
            double support = Math.Max(scale, 1);
            _stride = (int)Math.Ceiling(support) * 2 + 1;
            (_first, _length, _weights) = (new int[count], new int[count], new float[count * _stride]);
            double[] taps = new double[_stride];
            for (int i = 0; i < count; i++)
            {
                double centre = (i + start + 0.5) * scale;
                int first = Math.Max(0, (int)(centre - support + 0.5));
                int last = Math.Min(input, (int)(centre + support + 0.5));
                double sum = 0;
                for (int k = first; k < last; k++)
                    sum += taps[k - first] = Math.Max(0, 1 - Math.Abs((k + 0.5 - centre) / support));
                for (int k = first; k < last; k++)
                    _weights[i * _stride + k - first] = (float)(taps[k - first] / sum);
                (_first[i], _length[i]) = (first, last - first);
            }
        }

        public int Count => _first.Length;

        public int First(int position) => _first[position];

        public ReadOnlySpan<float> Weights(int position) => _weights.AsSpan(position * _stride, _length[position]);
    }
}
