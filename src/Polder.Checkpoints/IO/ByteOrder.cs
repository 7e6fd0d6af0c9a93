namespace Polder.Checkpoints.IO;

internal static class ByteOrder
{
    /// <summary>Reverses the bytes of each number in place.</summary>
    public static void Reverse(Span<byte> bytes, int numberSize)
    {
        if (numberSize == 1)
            return;
        for (int at = 0; at < bytes.Length; at += numberSize)
            bytes.Slice(at, numberSize).Reverse();
    }
}
