namespace Polder.Checkpoints.Onnx;

/// <summary>
/// An ONNX file that cannot be read (damaged, hostile, with what is not supported), or a network that cannot be written as one. The message
/// begins with the file's path and says where in it what was found.
/// </summary>
public sealed class OnnxException : CheckpointException
{
    private const int LongestReason = 400;

    /// <summary>Creates the exception for a file.</summary>
    /// <param name="path">The file's path, as the caller gave it; of a network, its architecture.</param>
    /// <param name="reason">What was found, as a sentence without a full stop.</param>
    /// <param name="innerException">The exception below, where there is one.</param>
    public OnnxException(string path, string reason, Exception? innerException = null)
        : base(path, Line(reason), innerException)
    {
    }

    // A file's own names may hold anything, and be long.
    private static string Line(string reason) =>
        string.Concat((reason.Length > LongestReason ? reason[..LongestReason] + "..." : reason).Select(c => char.IsControl(c) ? '?' : c));
}
