namespace Polder.Vision.Data;

/// <summary>Data that cannot be used: the message names the file or folder, what was found and what is allowed.</summary>
public class DataException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="message">What was found there and what is allowed; the path is put before it.</param>
    /// <param name="inner">The cause, where there is one.</param>
    public DataException(string path, string message, Exception? inner = null)
        : base($"{path}: {message}", inner) => Path = path;

    /// <summary>The file or folder.</summary>
    public string Path { get; }
}

/// <summary>A file that is no image this library can decode.</summary>
public sealed class ImageDecodingException : DataException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="path">The file.</param>
    /// <param name="message">Why it was not decoded.</param>
    /// <param name="inner">The cause, where there is one.</param>
    public ImageDecodingException(string path, string message, Exception? inner = null)
        : base(path, message, inner)
    {
    }
}
