using System.IO.Compression;
using System.Text;

namespace Polder.Checkpoints.Tests;

/// <summary>Checkpoint files made byte by byte, as the writers of other programs lay them out.</summary>
internal static class Fixtures
{
    public static readonly byte[] Magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    public static byte[] Join(params byte[][] parts) => [.. parts.SelectMany(p => p)];

    public static byte[] Ascii(string text) => Encoding.Latin1.GetBytes(text);

    public static byte[] Unicode(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Join([(byte)'X'], BitConverter.GetBytes(bytes.Length), bytes);
    }

    public static byte[] Int(int value) => Join([(byte)'J'], BitConverter.GetBytes(value));

    public static byte[] Tuple(params int[] values) => Join(Ascii("("), Join([.. values.Select(Int)]), Ascii("t"));

    /// <summary>The pickle of a tensor: a strided view of a storage.</summary>
    public static byte[] Tensor(string storageType, string key, int count, int offset, int[] shape, int[] strides, string? view = null) => Join(
        Ascii("ctorch._utils\n_rebuild_tensor_v2\n(("), Unicode("storage"), Ascii($"ctorch\n{storageType}\n"), Unicode(key), Unicode("cpu"), Int(count),
        Ascii(view ?? ""), Ascii("tQ"), Int(offset), Tuple(shape), Tuple(strides), [0x89], Ascii("ccollections\nOrderedDict\n)RtR"));

    public static byte[] Dictionary(params (string Key, byte[] Value)[] items) =>
        Join(Ascii("}("), Join([.. items.Select(i => Join(Unicode(i.Key), i.Value))]), Ascii("u"));

    public static byte[] Pickle(byte[] value) => Join([0x80, 2], value, Ascii("."));

    public static byte[] Legacy(byte[] root, params (string Key, int Count, byte[] Bytes)[] storages) => Join(
        Magic, Pickle([(byte)'M', 0xe9, 0x03]), Pickle(Dictionary(("little_endian", [0x88]))), Pickle(root),
        Pickle(Join(Ascii("]("), Join([.. storages.Select(s => Unicode(s.Key))]), Ascii("e"))),
        Join([.. storages.Select(s => Join(BitConverter.GetBytes((long)s.Count), s.Bytes))]));

    public static byte[] Zip(CompressionLevel level, params (string Name, byte[] Bytes)[] entries)
    {
        using MemoryStream stream = new();
        using (ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach ((string name, byte[] bytes) in entries)
            {
                using Stream entry = zip.CreateEntry(name, level).Open();
                entry.Write(bytes);
            }
        return stream.ToArray();
    }

    public static byte[] PyTorchZip(byte[] root, params (string Key, byte[] Bytes)[] storages) => Zip(CompressionLevel.NoCompression,
        [("a/data.pkl", Pickle(root)), ("a/byteorder", Ascii("little")), .. storages.Select(s => ($"a/data/{s.Key}", s.Bytes)), ("a/version", Ascii("3\n"))]);

    public static byte[] Tar(params (string Name, byte[] Bytes)[] members) => Join([.. members.Select(m =>
    {
        byte[] header = new byte[512];
        Ascii(m.Name).CopyTo(header, 0);
        Ascii(Convert.ToString(m.Bytes.Length, 8).PadLeft(11, '0')).CopyTo(header, 124);
        header[156] = (byte)'0';
        return Join(header, m.Bytes, new byte[(512 - (m.Bytes.Length % 512)) % 512]);
    }), new byte[1024]]);

    public static byte[] Npy(string descr, bool fortran, string shape, byte[] data)
    {
        string header = $"{{'descr': '{descr}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': {shape}, }}";
        header = header.PadRight(117) + "\n";
        return Join([0x93], Ascii("NUMPY"), [1, 0], BitConverter.GetBytes((ushort)header.Length), Ascii(header), data);
    }

    public static byte[] Safetensors(string header, byte[] data) => Join(BitConverter.GetBytes((long)header.Length), Ascii(header), data);

    public static byte[] Floats(params float[] values) => Join([.. values.Select(BitConverter.GetBytes)]);

    public static byte[] Longs(params long[] values) => Join([.. values.Select(BitConverter.GetBytes)]);
}

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("polder-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Write(string name, byte[] bytes)
    {
        System.IO.File.WriteAllBytes(File(name), bytes);
        return File(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
