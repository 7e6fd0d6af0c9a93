using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Polder.Vision.Training;

/// <summary>
/// Scalars in the form that TensorBoard reads: records of a length, its checksum, an <c>Event</c> message of Protocol Buffers, and its checksum.
/// The few fields that are needed are written by hand: wall time (1, double), step (2), file version (3) and summary (5) of values (1) with tag (1)
/// and simple value (2, float).
/// </summary>
public static class TensorBoardEvents
{
    /// <summary>The name of the file in a run folder; TensorBoard looks for <c>tfevents</c> in it.</summary>
    public const string FileName = "events.out.tfevents.polder";

    /// <summary>The contents of an event file with losses, accuracy and learning rate of epochs; the step is the epoch.</summary>
    /// <param name="epochs">The epochs.</param>
    /// <param name="start">When the training began; the events' times are counted from there by the epochs' seconds.</param>
    public static byte[] Of(IEnumerable<EpochReport> epochs, DateTimeOffset start)
    {
        ArgumentNullException.ThrowIfNull(epochs);
        using var file = new MemoryStream();
        double time = start.ToUnixTimeMilliseconds() / 1000.0;
        Record(file, Event(time, 0, Bytes(3, "brain.Event:2"u8)));
        foreach (EpochReport epoch in epochs)
        {
            time += epoch.Seconds;
            using var summary = new MemoryStream();
            foreach ((string tag, double value) in (ReadOnlySpan<(string, double)>)
                [
                    ("loss/train", epoch.TrainLoss), ("loss/validation", epoch.ValidationLoss), ("accuracy/validation", epoch.ValidationAccuracy),
                    ("learning rate", epoch.LearningRate),
                ])
                summary.Write(Bytes(1, Value(tag, value)));
            Record(file, Event(time, epoch.Epoch, Bytes(5, summary.ToArray())));
        }
        return file.ToArray();
    }

    /// <summary>The checksum of a record: CRC-32C, rotated and shifted by a constant, so that a checksum of checksums is not a constant.</summary>
    internal static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
            crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }

    private static void Record(MemoryStream file, byte[] message)
    {
        byte[] length = new byte[8], checksum = new byte[4];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)message.Length);
        file.Write(length);
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedChecksum(length));
        file.Write(checksum);
        file.Write(message);
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedChecksum(message));
        file.Write(checksum);
    }

    private static byte[] Event(double time, long step, byte[] content)
    {
        byte[] wall = new byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(wall, time);
        return [Key(1, 1), .. wall, Key(2, 0), .. Variable((ulong)step), .. content];
    }

    private static byte[] Value(string tag, double value)
    {
        byte[] number = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(number, (float)value);
        return [.. Bytes(1, Encoding.UTF8.GetBytes(tag)), Key(2, 5), .. number];
    }

    private static byte[] Bytes(int field, ReadOnlySpan<byte> content) => [Key(field, 2), .. Variable((ulong)content.Length), .. content];

    /// <summary>Field and wire type: 0 variable length, 1 eight bytes, 2 bytes with their length, 5 four bytes.</summary>
    private static byte Key(int field, int type) => (byte)(field << 3 | type);

    private static byte[] Variable(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
