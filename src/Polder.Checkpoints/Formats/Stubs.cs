using Polder.Checkpoints.IO;
namespace Polder.Checkpoints.Formats;
internal static class ZipReader { public static OpenedCheckpoint Open(CheckpointFile file, CheckpointOptions options) => throw file.Refuse("zip archives are not read yet"); }
internal static class TarReader { public static bool IsTar(ReadOnlySpan<byte> head) => false; public static OpenedCheckpoint Open(CheckpointFile file, CheckpointOptions options) => throw file.Refuse("x"); }
internal static class NumpyReader { public static CheckpointContent ReadArray(CheckpointFile file) => throw file.Refuse("NumPy arrays are not read yet"); }
