namespace Polder.Checkpoints.Onnx;

/// <summary>
/// An ONNX file that is open: its constants stay in the file and are read when they are asked for, until this is disposed of. A file that becomes
/// shorter meanwhile is an <see cref="OnnxException"/>.
/// </summary>
public sealed class OnnxFile : IDisposable
{
    private readonly OnnxSource _file;
    private readonly ExternalData _external;

    private OnnxFile(OnnxSource file, ExternalData external, OnnxModel model) => (_file, _external, Model) = (file, external, model);

    /// <summary>What it holds.</summary>
    public OnnxModel Model { get; }

    /// <summary>The file's path, as the caller gave it.</summary>
    public string Path => _file.Path;

    /// <summary>
    /// Opens a file. In the place of nodes that call functions of the file come the functions' own nodes. Sparse constants, types of elements that are not
    /// in <see cref="OnnxType"/> and graphs nested more than eight deep are refused; which operators there are is not looked at.
    /// </summary>
    /// <param name="path">The file; constants outside it must lie in its folder.</param>
    /// <exception cref="OnnxException">The file is damaged or has what is refused.</exception>
    public static OnnxFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Read(new OnnxSource(path), new ExternalData(path));
    }

    /// <summary>Reads what is in memory.</summary>
    /// <param name="path">Where it came from, for messages.</param>
    /// <param name="bytes">The bytes of a file; they must stay as they are. Constants outside them are refused.</param>
    /// <exception cref="OnnxException">They are damaged or have what is refused.</exception>
    internal static OnnxFile Parse(string path, byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return bytes.Length > 0 ? Read(new OnnxSource(path, bytes), new ExternalData(null)) : throw new OnnxException(path, "is empty");
    }

    private static OnnxFile Read(OnnxSource file, ExternalData external)
    {
        try
        {
            return new OnnxFile(file, external, new ModelReader(new TensorReader(external)).Read(new WireReader(file)));
        }
        catch
        {
            external.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes a file, constants inside it; it appears whole or not at all.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="model">What it shall hold.</param>
    /// <returns>The file's bytes.</returns>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static long Write(string path, OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        long length = 0;
        AtomicFile.Write(path, stream =>
        {
            ModelWriter.Of(model).CopyTo(stream);
            length = stream.Length;
        });
        return length;
    }

    /// <summary>The bytes of a file.</summary>
    /// <param name="model">What it shall hold.</param>
    internal static byte[] Bytes(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var stream = new MemoryStream();
        ModelWriter.Of(model).CopyTo(stream);
        return stream.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _external.Dispose();
        _file.Dispose();
    }
}
