using System.Buffers.Binary;
using SkiaSharp;

namespace Polder.Vision.Tests.Data;

/// <summary>One picture, stored turned in each of the eight ways in each format that can say so, comes out the same.</summary>
public class UprightTests
{
    private const int Side = 16;

    public static TheoryData<int, bool, SKEncodedImageFormat> Cases()
    {
        var cases = new TheoryData<int, bool, SKEncodedImageFormat>();
        foreach (SKEncodedImageFormat format in (SKEncodedImageFormat[])[SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Png, SKEncodedImageFormat.Webp])
            for (int orientation = 1; orientation <= 8; orientation++)
            {
                cases.Add(orientation, false, format);
                cases.Add(orientation, true, format);
            }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_turned_picture_comes_out_upright(int orientation, bool little, SKEncodedImageFormat format)
    {
        byte[] upright = ImageDecoder.Decode(TemporaryFolder.Encode(Side, Side, Color), "upright.png", Side);
        byte[] file = TemporaryFolder.Encode(Side, Side, (x, y) => Color(Shown(x, y, orientation).X, Shown(x, y, orientation).Y), format);
        byte[] exif = Exif(orientation, little);
        byte[] turned = format switch
        {
            SKEncodedImageFormat.Jpeg => [.. file[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 8), .. "Exif\0\0"u8, .. exif, .. file[2..]],
            SKEncodedImageFormat.Png => [.. file[..33], .. Chunk("eXIf"u8, exif), .. file[33..]],
            _ => Webp(file, exif),
        };
        byte[] pixels = ImageDecoder.Decode(turned, "turned", Side);
        int most = upright.Zip(pixels, (a, b) => Math.Abs(a - b)).Max();
        Assert.InRange(most, 0, format == SKEncodedImageFormat.Png ? 0 : 12);
    }

    [Fact]
    public void Damaged_or_other_metadata_turns_nothing()
    {
        byte[] file = TemporaryFolder.Encode(Side, Side, Color), plain = ImageDecoder.Decode(file, "plain", Side);
        byte[] exif = Exif(6, false);
        Assert.Equal(plain, ImageDecoder.Decode([.. file[..33], .. Chunk("eXIf"u8, Exif(9, false)), .. file[33..]], "nine", Side));
        for (int length = 0; length < exif.Length - 6; length++)
            Assert.Equal(plain, ImageDecoder.Decode([.. file[..33], .. Chunk("eXIf"u8, exif[..length]), .. file[33..]], "cut", Side));
    }

    private static SKColor Color(int x, int y) => new((byte)(12 * x), (byte)(12 * y), 60);

    // Where a stored pixel stands in the picture that is shown.
    private static (int X, int Y) Shown(int x, int y, int orientation)
    {
        int u = Side - 1 - x, v = Side - 1 - y;
        return orientation switch { 2 => (u, y), 3 => (u, v), 4 => (x, v), 5 => (y, x), 6 => (v, x), 7 => (v, u), 8 => (y, u), _ => (x, y) };
    }

    private static byte[] Exif(int orientation, bool little) => little
        ? [.. "II"u8, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0]
        : [.. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0];

    private static byte[] Chunk(ReadOnlySpan<byte> name, byte[] content)
    {
        byte[] chunk = [0, 0, 0, 0, .. name, .. content, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), ImageDecoderTests.Crc(chunk.AsSpan(4, content.Length + 4)));
        return chunk;
    }

    // An extended container (RFC 9649): the header that says what follows, the picture, the metadata.
    private static byte[] Webp(byte[] file, byte[] exif)
    {
        byte[] header = [.. "VP8X"u8, 10, 0, 0, 0, 8, 0, 0, 0, Side - 1, 0, 0, Side - 1, 0, 0];
        byte[] picture = file.AsSpan(12, 4).SequenceEqual("VP8X"u8) ? file[30..] : file[12..];
        byte[] all = [.. "RIFF"u8, 0, 0, 0, 0, .. "WEBP"u8, .. header, .. picture, .. "EXIF"u8, (byte)exif.Length, 0, 0, 0, .. exif];
        BinaryPrimitives.WriteInt32LittleEndian(all.AsSpan(4), all.Length - 8);
        return all;
    }
}
