using Polder.Checkpoints.IO;
using TorchSharp;

namespace Polder.Checkpoints.Formats;

/// <summary>NumPy arrays (.npy) and archives of them (.npz) as tensors.</summary>
internal static class NumpyReader
{
    public static CheckpointContent ReadArray(ByteSource file)
    {
        NumpyHeader header = NumpyHeader.Parse(file, file.Read);
        ElementType type = Check(file, "tensor", header, file.Length);
        return new CheckpointContent("NumPy array", [new StoredTensor("tensor", () => Read(header, type, file.Read))], new Dictionary<string, string>());
    }

    public static CheckpointContent ReadArchive(ByteSource file, ZipReader zip)
    {
        List<StoredTensor> tensors = [];
        foreach (string entry in zip.Names)
        {
            string name = entry[..^".npy".Length];
            NumpyHeader header;
            using (ZipReader.Cursor cursor = zip.OpenEntry(entry))
                header = NumpyHeader.Parse(file, cursor.Read);
            ElementType type = Check(file, name, header, zip.Length(entry));
            tensors.Add(new StoredTensor(name, () =>
            {
                using ZipReader.Cursor cursor = zip.OpenEntry(entry);
                cursor.Read(0, new byte[header.DataStart]); // an entry only reads forward
                return Read(header, type, cursor.Read);
            }));
        }
        return new CheckpointContent("NumPy archive", tensors, new Dictionary<string, string>());
    }

    private static ElementType Check(ByteSource file, string name, NumpyHeader header, long length)
    {
        ElementType type = ElementType.Find(t => t.Numpy, header.Type)
            ?? throw file.Refuse($"array '{name}' has type '{header.Type}', which TorchSharp cannot hold");
        CheckLength(file, name, header, type.Size, length);
        return type;
    }

    /// <summary>Checks that the elements that the shape promises are there.</summary>
    public static long CheckLength(ByteSource file, string name, NumpyHeader header, int elementSize, long length)
    {
        long bytes = Shapes.Count(file, name, header.Shape) * elementSize;
        if (bytes > length - header.DataStart)
            throw file.Refuse($"the file is cut short: array '{name}' needs {bytes} bytes, {length - header.DataStart} follow its header");
        return bytes;
    }

    private static torch.Tensor Read(NumpyHeader header, ElementType type, TensorMemory.Fill read)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        // In Fortran's order the bytes are those of the transposed array in C's.
        long[] stored = header.FortranOrder ? [.. header.Shape.Reverse()] : header.Shape;
        torch.Tensor tensor = TensorMemory.Create(type, stored, (offset, destination) =>
        {
            read(header.DataStart + offset, destination);
            if (header.BigEndian)
                ByteOrder.Reverse(destination, type.NumberSize);
        });
        if (header.FortranOrder && stored.Length > 1)
            tensor = tensor.permute([.. Enumerable.Range(0, stored.Length).Reverse().Select(d => (long)d)]);
        return tensor.DetachFromDisposeScope();
    }
}
