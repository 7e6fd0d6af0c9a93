using System.Buffers.Binary;
using System.Numerics;
using Google.Protobuf;
using Tensorboard;
using Summary = Tensorboard.Summary;

namespace Polder.Vision.Training;

/// <summary>
/// Scalars in the form that TensorBoard reads: records of a length, its checksum, an <c>Event</c> message of Protocol Buffers, and its checksum.
/// The messages are TorchSharp's; its own writer appends to a file over the whole training, while this one makes the file anew from the reports.
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
        Record(file, Beginning(time));
        foreach (EpochReport epoch in epochs)
        {
            time += epoch.Seconds;
            var summary = new Summary();
            foreach ((string tag, double value) in (ReadOnlySpan<(string, double)>)
                [
                    ("loss/train", epoch.TrainLoss), ("loss/validation", epoch.ValidationLoss), ("accuracy/validation", epoch.ValidationAccuracy),
                    ("learning rate", epoch.LearningRate),
                ])
                if (!double.IsNaN(value) || epoch.IsValidated)
                    summary.Value.Add(new Summary.Types.Value { Tag = tag, SimpleValue = (float)value });
            Record(file, new Event { WallTime = time, Step = epoch.Epoch, Summary = summary });
        }
        return file.ToArray();
    }

    /// <summary>The first record of a file.</summary>
    internal static Event Beginning(double time) => new() { WallTime = time, FileVersion = "brain.Event:2" };

    /// <summary>The checksum of a record: CRC-32C, rotated and shifted by a constant, so that a checksum of checksums is not a constant.</summary>
    internal static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
            crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }

    /// <summary>Appends one record.</summary>
    internal static void Record(MemoryStream file, Event content)
    {
        byte[] message = content.ToByteArray();
        byte[] length = new byte[8], checksum = new byte[4];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)message.Length);
        file.Write(length);
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedChecksum(length));
        file.Write(checksum);
        file.Write(message);
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedChecksum(message));
        file.Write(checksum);
    }
}
