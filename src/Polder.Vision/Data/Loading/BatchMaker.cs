using System.Runtime.InteropServices;

namespace Polder.Vision.Data;

/// <summary>Turns stored bytes into the tensors of a batch: crop, flip, channels, normalization. One pass over the pixels, written in place.</summary>
internal sealed class BatchMaker
{
    private readonly ImageSet _set;
    private readonly LoaderOptions _options;
    private readonly int _height;
    private readonly int _width;
    private readonly PixelTable[] _tables;

    public BatchMaker(ImageSet set, LoaderOptions options)
    {
        (_set, _options) = (set, options);
        (_height, _width) = (options.ImageSize ?? set.Height, options.ImageSize ?? set.Width);
        _tables = PixelTable.Of(options.Normalization);
    }

    public Batch Make(int epoch, int[] indices)
    {
        int channels = _tables.Length;
        Tensor images = empty([indices.Length, channels, _height, _width], ScalarType.Float32, CPU).DetachFromDisposeScope();
        Tensor labels = empty([indices.Length], ScalarType.Int64, CPU).DetachFromDisposeScope();
        try
        {
            Span<float> pixels = MemoryMarshal.Cast<byte, float>(images.bytes);
            Span<long> classes = MemoryMarshal.Cast<byte, long>(labels.bytes);
            int size = channels * _height * _width;
            for (int i = 0; i < indices.Length; i++)
            {
                Write(epoch, indices[i], pixels.Slice(i * size, size));
                classes[i] = _set.Labels[indices[i]];
            }
        }
        catch
        {
            images.Dispose();
            labels.Dispose();
            throw;
        }

        using IDisposable noGrad = no_grad();
        Tensor formed = _options.Form.Of(images);
        if (!ReferenceEquals(formed, images))
            images.Dispose();
        return new Batch(formed.DetachFromDisposeScope(), labels, indices);
    }

    /// <summary>One image as the network sees it in that epoch.</summary>
    internal void Write(int epoch, int index, Span<float> destination)
    {
        ReadOnlySpan<byte> source = _set.Pixels(index);
        int plane = _set.Height * _set.Width;
        int channels = _set.Channels == 1 || _tables.Length == 1 ? 1 : 3;
        byte[]? gray = null;
        if (_set.Channels == 3 && channels == 1)
        {
            Luma(source, gray = new byte[plane]);
            source = gray;
        }

        if (_options.Augmentation == Augmentation.ResizedCropFlip || _options.Distortion.ChangesPixels)
            WriteDistorted(epoch, index, source, channels, destination);
        else
            WritePlain(epoch, index, source, destination);
        if (_options.Distortion.Erasing > 0)
        {
            var random = new CounterRandom(_options.Seed, RandomPurpose.Distortion, epoch, ~(long)index);
            Distorter.Erase(_options.Distortion.Erasing, ref random, destination, _tables.Length, _height, _width);
        }
    }

    private void WritePlain(int epoch, int index, ReadOnlySpan<byte> source, Span<float> destination)
    {
        Placement placement = Placement.Of(_set.Height, _set.Width, _height, _width, _options.Augmentation, _options.Seed, epoch, index);
        int plane = _set.Height * _set.Width, target = _height * _width;
        for (int c = 0; c < _tables.Length; c++)
        {
            ReadOnlySpan<byte> channel = source.Slice(source.Length == plane ? 0 : c * plane, plane);
            placement.Write(channel, _set.Height, _set.Width, destination.Slice(c * target, target), _height, _width, _tables[c]);
        }
    }

    // Window and flip into bytes, distorted there, then normalized.
    private void WriteDistorted(int epoch, int index, ReadOnlySpan<byte> source, int channels, Span<float> destination)
    {
        int target = _height * _width;
        byte[] pixels = new byte[channels * target];
        new AugmentedWindow(_set, _options.Augmentation, _options.Seed, _height, _width)
            .Copy(epoch, index, source[..(channels * _set.Height * _set.Width)], pixels);
        var distorting = new CounterRandom(_options.Seed, RandomPurpose.Distortion, epoch, index);
        Distorter.ChangePixels(_options.Distortion, ref distorting, pixels, channels, _height, _width);
        for (int c = 0; c < _tables.Length; c++)
            _tables[c].Map(pixels.AsSpan((channels == 1 ? 0 : c) * target, target), destination.Slice(c * target, target));
    }

    /// <summary>0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) in 16-bit fixed point, rounded.</summary>
    private static void Luma(ReadOnlySpan<byte> rgb, Span<byte> gray)
    {
        ReadOnlySpan<byte> red = rgb[..gray.Length], green = rgb.Slice(gray.Length, gray.Length), blue = rgb[(2 * gray.Length)..];
        for (int i = 0; i < gray.Length; i++)
            gray[i] = (byte)((19595 * red[i] + 38470 * green[i] + 7471 * blue[i] + 32768) >> 16);
    }
}
