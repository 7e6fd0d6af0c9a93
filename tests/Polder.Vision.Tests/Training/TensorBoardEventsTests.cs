using System.Buffers.Binary;
using System.Text;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Training;

public class TensorBoardEventsTests
{
    [Fact]
    public void The_checksum_is_that_of_the_standard()
    {
        // The check value of CRC-32C is E3069283 for "123456789"; of 32 zeros (RFC 3720, appendix B.4) 8A9136AA.
        Assert.Equal(Mask(0xE3069283), TensorBoardEvents.MaskedChecksum("123456789"u8));
        Assert.Equal(Mask(0x8A9136AA), TensorBoardEvents.MaskedChecksum(new byte[32]));
        static uint Mask(uint crc) => unchecked((crc >> 15 | crc << 17) + 0xA282EAD8);
    }

    [Fact]
    public void Records_can_be_read_back_one_by_one()
    {
        EpochReport[] epochs = [new(1, 0.5, 0.75, 0.25, 0.01, 2, true), new(300, 0.125, double.NaN, double.NaN, 0.005, 3, false)];
        byte[] file = TensorBoardEvents.Of(epochs, DateTimeOffset.FromUnixTimeSeconds(1_000_000));
        var messages = new List<byte[]>();
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(TensorBoardEvents.MaskedChecksum(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            byte[] message = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(TensorBoardEvents.MaskedChecksum(message), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            messages.Add(message);
            at += 16 + length;
        }
        Assert.Equal(3, messages.Count);
        Assert.EndsWith("brain.Event:2", Encoding.ASCII.GetString(messages[0]));
        // Field 1, a double: the time; field 2, a variable-length number: 300 is AC 02.
        Assert.Equal(1_000_005, BinaryPrimitives.ReadDoubleLittleEndian(messages[2].AsSpan(1)));
        Assert.Equal([0x10, 0xAC, 0x02], messages[2][9..12]);
        // Field 5, a summary; the first value is tag and float.
        Assert.Equal([0x2A, (byte)(messages[2].Length - 14)], messages[2][12..14]);
        Assert.Equal([0x0A, 17, 0x0A, 10, .. "loss/train"u8, 0x15, 0, 0, 0, 0x3E], messages[2][14..33]);
        // An epoch that was not validated has no such values.
        Assert.Equal([true, false], messages.Skip(1).Select(m => Encoding.ASCII.GetString(m).Contains("validation", StringComparison.Ordinal)));
    }
}
