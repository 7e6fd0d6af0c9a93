using System.Text;

namespace Polder.Checkpoints.Formats;

/// <summary>What was found in a file, together with what must be let go of once the tensors are read.</summary>
internal sealed class OpenedCheckpoint(CheckpointContent content, IDisposable? resources = null) : IDisposable
{
    public CheckpointContent Content { get; } = content;

    public void Dispose() => resources?.Dispose();
}

/// <summary>Tells the formats apart by their first bytes.</summary>
internal static class FormatDetection
{
    public static OpenedCheckpoint Open(CheckpointFile file, CheckpointOptions options)
    {
        byte[] head = new byte[(int)Math.Min(file.Length, 512)];
        file.Read(0, head);
        ReadOnlySpan<byte> bytes = head;
        if (bytes.StartsWith("PK"u8))
            return ZipReader.Open(file, options);
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y']))
            return new OpenedCheckpoint(NumpyReader.ReadArray(file));
        if (bytes.StartsWith("version https://git-lfs"u8))
            throw file.Refuse("is a Git LFS pointer, not the file that it stands for; 'git lfs pull' fetches that");
        if (bytes.StartsWith("<!DOCTYPE"u8) || bytes.StartsWith("<html"u8))
            throw file.Refuse("is a web page, not a checkpoint: the download went wrong");
        if (bytes.Length > 8 && bytes[8] == '{')
            return new OpenedCheckpoint(SafetensorsReader.Read(file));
        if (TarReader.IsTar(bytes))
            return TarReader.Open(file, options);
        // 0x80 begins every pickle since 2003; older ones begin with a global's name, a mark or an empty container.
        if (bytes.Length > 1 && (bytes[0] == 0x80 || (bytes[0] is (byte)'c' or (byte)'(' or (byte)']' or (byte)'}')))
            return LegacyPyTorchReader.Open(file, options);
        if (file.Length == 0)
            throw file.Refuse("the file is empty");
        if (OnnxReader.IsOnnx(bytes, file.Path))
            return OnnxReader.Open(file.Path);
        throw file.Refuse($"is of no known format (safetensors, PyTorch, NumPy, ONNX); it begins with '{Printable(bytes[..Math.Min(bytes.Length, 16)])}'");
    }

    private static string Printable(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        foreach (byte value in bytes)
            text.Append(value is >= 0x20 and < 0x7f ? ((char)value).ToString() : $"\\x{value:x2}");
        return text.ToString();
    }
}
