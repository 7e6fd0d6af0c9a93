using Polder.Vision.Data;
using SkiaSharp;

namespace Polder.Vision.Tests.Data;

public class ImageDecoderTests
{
    [Fact]
    public void Channels_come_out_as_planes_in_the_order_red_green_blue()
    {
        byte[] file = TemporaryFolder.Encode(2, 2, (x, y) => new SKColor((byte)(10 * x + y), 100, (byte)(200 + x)));
        Assert.Equal([0, 10, 1, 11, 100, 100, 100, 100, 200, 201, 200, 201], ImageDecoder.Decode(file, "a.png", 2));
    }

    [Theory] // What a viewer shows of the stored 2 x 3 image [0 1 2; 3 4 5] for each value of EXIF tag 0x0112.
    [InlineData(1, 2, 3, new byte[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData(2, 2, 3, new byte[] { 2, 1, 0, 5, 4, 3 })]
    [InlineData(3, 2, 3, new byte[] { 5, 4, 3, 2, 1, 0 })]
    [InlineData(4, 2, 3, new byte[] { 3, 4, 5, 0, 1, 2 })]
    [InlineData(5, 3, 2, new byte[] { 0, 3, 1, 4, 2, 5 })]
    [InlineData(6, 3, 2, new byte[] { 3, 0, 4, 1, 5, 2 })]
    [InlineData(7, 3, 2, new byte[] { 5, 2, 4, 1, 3, 0 })]
    [InlineData(8, 3, 2, new byte[] { 2, 5, 1, 4, 0, 3 })]
    public void Orientation_turns_the_pixels_upright(int exif, int height, int width, byte[] red)
    {
        byte[] rgba = [.. Enumerable.Range(0, 6).SelectMany(i => (byte[])[(byte)i, 50, 60, 255])];
        byte[] planes = new byte[18];
        (int rows, int columns) = Orientation.Upright(rgba, 2, 3, (SKEncodedOrigin)exif, transparent: false, planes);
        Assert.Equal((height, width), (rows, columns));
        Assert.Equal(red, planes[..6]);
        Assert.All(planes[6..12], p => Assert.Equal(50, p));
    }

    [Theory] // Rows of whole vectors, of a rest, and of both.
    [InlineData(16)]
    [InlineData(15)]
    [InlineData(53)]
    public void Colors_are_separated_pixel_by_pixel(int width)
    {
        byte[] rgba = new byte[3 * width * 4], planes = new byte[3 * width * 3];
        new Random(1).NextBytes(rgba);
        Assert.Equal((3, width), Orientation.Upright(rgba, 3, width, SKEncodedOrigin.TopLeft, transparent: false, planes));
        Assert.Equal(Enumerable.Range(0, 3).SelectMany(c => Enumerable.Range(0, 3 * width).Select(i => rgba[4 * i + c])), planes);
    }

    [Fact]
    public void The_orientation_tag_of_a_JPEG_file_is_obeyed()
    {
        // Left half black, right half white; tag 6 says: turn clockwise, so the top is black.
        byte[] jpeg = TemporaryFolder.Encode(32, 32, (x, _) => x < 16 ? SKColors.Black : SKColors.White, SKEncodedImageFormat.Jpeg);
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, (byte)'E', (byte)'x', (byte)'i', (byte)'f', 0, 0, (byte)'M', (byte)'M', 0, 42, 0, 0, 0, 8,
            0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
        ];
        byte[] pixels = ImageDecoder.Decode([.. jpeg[..2], .. exif, .. jpeg[2..]], "turned.jpg", 32);
        Assert.InRange(pixels[4 * 32 + 16], 0, 8);
        Assert.InRange(pixels[28 * 32 + 16], 247, 255);
        Assert.InRange(pixels[28 * 32 + 2], 247, 255);
    }

    [Fact]
    public void Transparency_is_laid_over_white()
    {
        byte[] file = TemporaryFolder.Encode(1, 1, (_, _) => new SKColor(100, 0, 0, 51)); // a fifth
        Assert.Equal([224, 204, 204], ImageDecoder.Decode(file, "a.png", 1));
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void A_large_photograph_is_reduced_as_its_smooth_content_says(SKEncodedImageFormat format)
    {
        // A horizontal ramp: reduced in any way, it is the same ramp. 800 x 600, so the codec itself reduces first where it can.
        byte[] file = TemporaryFolder.Encode(800, 600, (x, _) => new SKColor((byte)(x * 255 / 799), 128, 0), format, 95);
        byte[] pixels = ImageDecoder.Decode(file, "ramp", 32);
        for (int x = 0; x < 32; x++)
        {
            double source = 100 + (x + 0.5) * 600 / 32; // the centre square spans columns 100 to 700 (the scaled width is 42: 5 are cut left)
            Assert.InRange(pixels[16 * 32 + x], source * 255 / 799 - 4, source * 255 / 799 + 4);
        }
    }

    [Fact]
    public void What_is_no_whole_image_is_named()
    {
        using var folder = new TemporaryFolder();
        byte[] png = TemporaryFolder.Encode(40, 40, (x, y) => new SKColor((byte)(x * y), (byte)(x * 7), (byte)(y * 5)));
        void Refused(string name, byte[] content, string why)
        {
            string path = folder.File(name, content);
            ImageDecodingException exception = Assert.Throws<ImageDecodingException>(() => ImageDecoder.Decode(path, 8));
            Assert.Equal(path, exception.Path);
            Assert.StartsWith(path, exception.Message);
            Assert.Contains(why, exception.Message);
        }

        Refused("empty.png", [], "is empty");
        Refused("text.jpg", "no image"u8.ToArray(), "no image that can be decoded");
        Refused("cut.png", png[..(png.Length / 2)], "cut off");
        Refused("header.jpg", [0xFF, 0xD8, 0xFF], "image");
        byte[] huge = [.. png];
        // IHDR's width and height (bytes 16 to 23), with the checksum of the chunk made right: a small file that asks for 16 gigabytes.
        (huge[16], huge[17], huge[20], huge[21]) = (0, 1, 0, 1);
        BitConverter.GetBytes(Crc(huge.AsSpan(12, 17))).Reverse().ToArray().CopyTo(huge, 29);
        Refused("huge.png", huge, "allowed are 100 million");
        Assert.Throws<ImageDecodingException>(() => ImageDecoder.Decode(Path.Combine(folder.Path, "absent.png"), 8));
    }

    internal static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int k = 0; k < 8; k++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }

        return ~crc;
    }
}
