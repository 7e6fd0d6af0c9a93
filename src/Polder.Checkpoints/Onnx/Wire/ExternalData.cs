using System.Globalization;

namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>Constants that lie in files beside the model: only inside its folder, and through no link, so that a model reads nothing else.</summary>
internal sealed class ExternalData(string? model) : IDisposable
{
    private readonly Dictionary<string, OnnxSource> _files = [];
    private readonly string _folder = model is null ? "" : Path.GetDirectoryName(Path.GetFullPath(model)) ?? Path.GetFullPath(model);

    /// <summary>The bytes that entries of a tensor name.</summary>
    /// <param name="entries">location, offset, length.</param>
    /// <param name="size">The bytes that the tensor needs.</param>
    /// <param name="refuse">Makes the exception of a reason.</param>
    public ReadOnlyMemory<byte> Read(Dictionary<string, string> entries, long size, Func<string, Exception> refuse)
    {
        if (model is null)
            throw refuse("has external data, which only a file may have");
        if (!entries.TryGetValue("location", out string? location) || location.Length == 0)
            throw refuse("has external data without a location");
        long offset = Number("offset", 0), length = Number("length", size);
        OnnxSource file = Open(location, refuse);
        return length == size && offset >= 0 && offset <= file.Length - size ? file.Memory(offset, (int)size)
            : throw refuse($"takes {length} bytes at {offset} of '{location}', allowed: {size} bytes within its {file.Length}");

        long Number(string key, long otherwise) => !entries.TryGetValue(key, out string? text) ? otherwise
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number
            : throw refuse($"has external data with {key} '{text}', allowed: a whole number");
    }

    public void Dispose()
    {
        foreach (OnnxSource file in _files.Values)
            file.Dispose();
    }

    private OnnxSource Open(string location, Func<string, Exception> refuse)
    {
        if (_files.TryGetValue(location, out OnnxSource? known))
            return known;
        string[] parts = location.Split('/', '\\');
        if (Path.IsPathRooted(location) || location.Contains('\0') || location.Contains(':') || parts.Contains(".."))
            throw refuse($"has its data in '{location}', allowed: a file in the model's folder");
        string path = _folder;
        foreach (string part in parts.Where(p => p is not ("" or ".")))
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is not null)
                throw refuse($"has its data in '{location}', which is a link, allowed: a file in the model's folder");
        }
        if (!File.Exists(path))
            throw refuse($"has its data in '{location}', which is not there");
        return _files[location] = new OnnxSource(path);
    }
}
