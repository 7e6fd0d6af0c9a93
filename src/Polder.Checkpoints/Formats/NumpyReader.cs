namespace Polder.Checkpoints.Formats;

/// <summary>NumPy arrays (.npy) and archives of them (.npz) as tensors.</summary>
internal static class NumpyReader
{
    public static CheckpointContent ReadArray(ByteSource file)
    {
        NumpyHeader header = NumpyHeader.Parse(file, "tensor", file.Read, file.Length);
        ElementType type = TypeOf(file, "tensor", header);
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
                header = NumpyHeader.Parse(file, name, cursor.Read, zip.Length(entry));
            ElementType type = TypeOf(file, name, header);
            tensors.Add(new StoredTensor(name, () =>
            {
                using ZipReader.Cursor cursor = zip.OpenEntry(entry);
                cursor.Read(0, new byte[header.DataStart]); // an entry only reads forward
                return Read(header, type, cursor.Read);
            }));
        }
        return new CheckpointContent("NumPy archive", tensors, new Dictionary<string, string>());
    }

    private static ElementType TypeOf(ByteSource file, string name, NumpyHeader header) => ElementType.Find(t => t.Numpy, header.Type)
        ?? throw file.Refuse($"array '{name}' has type '{header.Type}', which TorchSharp cannot hold");

    private static torch.Tensor Read(NumpyHeader header, ElementType type, TensorMemory.Fill read)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor stored = TensorMemory.Create(type, header.StoredShape, (offset, destination) => header.ReadElements(read, offset, destination));
        return header.InOrder(stored).DetachFromDisposeScope();
    }
}
