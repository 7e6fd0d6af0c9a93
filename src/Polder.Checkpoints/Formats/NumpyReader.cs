namespace Polder.Checkpoints.Formats;

/// <summary>NumPy arrays (.npy) and archives of them (.npz) as tensors.</summary>
internal static class NumpyReader
{
    public static CheckpointContent ReadArray(ByteSource file)
    {
        NumpyHeader header = NumpyHeader.Parse(file, "tensor", file.Read, file.Length);
        ElementType type = TypeOf(file, "tensor", header);
        return new CheckpointContent("NumPy array", [Stored("tensor", header, type, use => use(file.Read))], new Dictionary<string, string>());
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
            tensors.Add(Stored(name, header, type, use =>
            {
                using ZipReader.Cursor cursor = zip.OpenEntry(entry);
                cursor.Read(0, new byte[header.DataStart]); // an entry only reads forward
                use(cursor.Read);
            }));
        }
        return new CheckpointContent("NumPy archive", tensors, new Dictionary<string, string>());
    }

    private static ElementType TypeOf(ByteSource file, string name, NumpyHeader header) => ElementType.Find(t => t.Numpy, header.Type)
        ?? throw file.Refuse($"array '{name}' has type '{header.Type}', which TorchSharp cannot hold");

    // The file is opened for each use.
    private static StoredTensor Stored(string name, NumpyHeader header, ElementType type, Action<Action<TensorMemory.Fill>> open)
    {
        return new StoredTensor(name, type, header.Shape, Read, Scan);

        torch.Tensor Read()
        {
            using DisposeScope scope = torch.NewDisposeScope();
            torch.Tensor? stored = null;
            open(read => stored = TensorMemory.Create(type, header.StoredShape, (offset, destination) => header.ReadElements(read, offset, destination)));
            return header.InOrder(stored!).DetachFromDisposeScope();
        }

        // Elements of which the first index runs fastest are put into order, unless they are too many for an array: then their order is the file's.
        void Scan(TensorMemory.Drain drain) => open(read =>
        {
            long bytes = Shapes.Count(header.Shape) * type.Size;
            if (!header.FortranOrder || bytes > Array.MaxLength)
            {
                TensorMemory.Pass(bytes, (offset, destination) => header.ReadElements(read, offset, destination), drain);
                return;
            }
            byte[] all = new byte[bytes];
            header.ReadElements(read, 0, all);
            long[] strides = [.. header.Shape.Select((_, d) => Shapes.Count(header.Shape.AsSpan(0, d)))];
            TensorMemory.Gather(all, type.Size, header.Shape, strides, 0, drain);
        });
    }
}
