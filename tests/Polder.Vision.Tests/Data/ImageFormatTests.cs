using SkiaSharp;

namespace Polder.Vision.Tests.Data;

/// <summary>What cameras, scanners and editors write beside plain 8-bit color.</summary>
public class ImageFormatTests
{
    [Theory]
    [InlineData(SKEncodedImageFormat.Png, 0)]
    [InlineData(SKEncodedImageFormat.Jpeg, 1)]
    public void A_gray_file_has_three_equal_channels(SKEncodedImageFormat format, int tolerance)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(8, 8, SKColorType.Gray8, SKAlphaType.Opaque));
        bitmap.Erase(new SKColor(100, 100, 100));
        using SKData data = bitmap.Encode(format, 100);
        AssertColor(data.ToArray(), 100, 100, 100, tolerance);
    }

    [Fact]
    public void Sixteen_bits_a_channel_are_rounded_to_eight()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(8, 8, SKColorType.Rgba16161616, SKAlphaType.Opaque));
        bitmap.Erase(new SKColor(10, 100, 200));
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        byte[] file = data.ToArray();
        Assert.Equal(16, file[24]); // the bit depth in the header: the file is what the test is about
        AssertColor(file, 10, 100, 200, 1);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Png, 0)]
    [InlineData(SKEncodedImageFormat.Webp, 2)]
    public void A_half_transparent_file_lies_over_white(SKEncodedImageFormat format, int tolerance) => AssertColor(
        TemporaryFolder.Encode(8, 8, (_, _) => new SKColor(200, 100, 0, 51), format), 244, 224, 204, tolerance);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Baseline_and_progressive_files_are_decoded(bool progressive)
    {
        // Y = 120, Cb = Cr = 128 is gray.
        AssertColor(FlatJpeg.Write(progressive, adobeCmyk: false, 120, 128, 128), 120, 120, 120, 1);
        // ITU-R BT.601: R = Y + 1.402 (Cr - 128).
        AssertColor(FlatJpeg.Write(progressive, adobeCmyk: false, 120, 128, 178), 190, 84, 120, 2);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Four_ink_files_of_editors_become_colors(bool progressive)
    {
        // Editors write inks inverted: 255 is no ink. Color = ink x black.
        AssertColor(FlatJpeg.Write(progressive, adobeCmyk: true, 200, 100, 50, 255), 200, 100, 50, 2);
        AssertColor(FlatJpeg.Write(progressive, adobeCmyk: true, 200, 100, 50, 128), 100, 50, 25, 2);
    }

    private static void AssertColor(byte[] file, int red, int green, int blue, int tolerance)
    {
        byte[] pixels = ImageDecoder.Decode(file, "test", 8);
        Assert.All(pixels[..64], value => Assert.InRange(value, red - tolerance, red + tolerance));
        Assert.All(pixels[64..128], value => Assert.InRange(value, green - tolerance, green + tolerance));
        Assert.All(pixels[128..], value => Assert.InRange(value, blue - tolerance, blue + tolerance));
    }
}

/// <summary>
/// JPEG files of one block of one color (ITU-T T.81), which no encoder at hand writes as progressive or with four inks: a flat block is its mean
/// alone, so tables of a few codes are enough.
/// </summary>
internal static class FlatJpeg
{
    public static byte[] Write(bool progressive, bool adobeCmyk, params int[] components)
    {
        var file = new List<byte> { 0xFF, 0xD8 };
        void Segment(byte marker, params byte[] content)
        {
            file.AddRange([0xFF, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2)]);
            file.AddRange(content);
        }

        if (adobeCmyk)
            Segment(0xEE, [.. "Adobe"u8, 0, 100, 0, 0, 0, 0, 0]);
        // The mean's coefficient is 8 times the value: with steps of 8 it is the value.
        Segment(0xDB, [0, .. Enumerable.Repeat((byte)8, 64)]);
        Segment((byte)(progressive ? 0xC2 : 0xC0),
            [8, 0, 8, 0, 8, (byte)components.Length, .. components.SelectMany((_, i) => new byte[] { (byte)(i + 1), 0x11, 0 })]);
        // Sizes 0 to 8 of the mean as codes of four bits; of the rest only "nothing follows", as 0.
        Segment(0xC4, [0x00, 0, 0, 0, 9, .. new byte[12], .. Enumerable.Range(0, 9).Select(s => (byte)s)]);
        Segment(0xC4, [0x10, 1, .. new byte[15], 0]);
        Segment(0xDA, [(byte)components.Length, .. components.SelectMany((_, i) => new byte[] { (byte)(i + 1), 0 }), 0, (byte)(progressive ? 0 : 63), 0]);
        string bits = string.Concat(components.Select(value => Mean(value - 128) + (progressive ? "" : "0")));
        bits = bits.PadRight((bits.Length + 7) / 8 * 8, '1');
        for (int i = 0; i < bits.Length; i += 8)
        {
            byte value = Convert.ToByte(bits.Substring(i, 8), 2);
            file.Add(value);
            if (value == 0xFF)
                file.Add(0);
        }
        file.AddRange([0xFF, 0xD9]);
        return [.. file];
    }

    private static string Mean(int value)
    {
        int size = value == 0 ? 0 : (int)Math.Log2(Math.Abs(value)) + 1;
        string code = Convert.ToString(size, 2).PadLeft(4, '0');
        // Negative numbers are stored one lower, without their sign.
        return size == 0 ? code : code + Convert.ToString(value > 0 ? value : value + (1 << size) - 1, 2).PadLeft(size, '0');
    }
}
