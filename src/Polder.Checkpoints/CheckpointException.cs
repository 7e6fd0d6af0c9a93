namespace Polder.Checkpoints;

/// <summary>
/// A checkpoint that cannot be read or fitted to a module (damaged, hostile, of an unknown format, with other names and shapes than the module), or
/// a file of any kind that cannot be written whole. The message begins with the file's path and says what was found.
/// </summary>
public class CheckpointException : Exception
{
    /// <summary>Creates the exception for a file.</summary>
    /// <param name="path">The file's path, as the caller gave it.</param>
    /// <param name="reason">What was found, as a sentence without a full stop.</param>
    /// <param name="innerException">The exception below, where there is one.</param>
    public CheckpointException(string path, string reason, Exception? innerException = null)
        : base($"{path}: {reason}", innerException)
    {
        Path = path;
        Reason = reason;
    }

    /// <summary>The file's path, as the caller gave it.</summary>
    public string Path { get; }

    /// <summary>What was found, without the path.</summary>
    public string Reason { get; }

    /// <summary>What would have been loaded, where a strict <see cref="Checkpoint.Into"/> failed; otherwise null.</summary>
    public LoadReport? Report { get; init; }
}
