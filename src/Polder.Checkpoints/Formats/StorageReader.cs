using Polder.Checkpoints.Pickles;

namespace Polder.Checkpoints.Formats;

/// <summary>Where the storages of a PyTorch file lie.</summary>
internal abstract class StorageReader(ByteSource file) : IDisposable
{
    /// <summary>
    /// Views that repeat elements (stride 0) may claim far more elements than the file has bytes. What all tensors of a file claim together stays
    /// below this many times the file, plus a little for small files.
    /// </summary>
    private const long MaximumRepetition = 8;

    private readonly Dictionary<(string Key, torch.ScalarType Type), torch.Tensor> _loaded = [];
    private readonly Dictionary<string, byte[]> _bytes = [];
    private long _claimed;

    protected ByteSource File => file;

    /// <summary>Checks that the tensor lies within its storage, and the storage within the file. Nothing is read.</summary>
    public void Check(string name, TensorReference tensor)
    {
        StorageReference storage = tensor.Storage;
        long count = storage.Type is null ? storage.Count / tensor.Type.Size : storage.Count;
        long extent = Shapes.Extent(file, name, tensor.Offset, tensor.Shape, tensor.Strides);
        if (extent > count)
            throw file.Refuse($"tensor '{name}' reaches to element {extent} of a storage of {count}");
        long bytes = Shapes.Count(file, name, tensor.Shape) * tensor.Type.Size;
        if (bytes > (file.Length * MaximumRepetition) + (1 << 20) - _claimed)
            throw file.Refuse($"tensor '{name}' repeats its elements to {bytes} bytes, far more than the file has");
        _claimed += bytes;
        long available = Available(name, storage.Key) / tensor.Type.Size;
        if (storage.Start > available || count > available - storage.Start)
            throw file.Refuse($"tensor '{name}' needs {count} elements from {storage.Start} on of storage '{storage.Key}', which has {available}");
    }

    /// <summary>The tensor, as a view of its storage; tensors of one storage share it, as they did when they were saved.</summary>
    public torch.Tensor Read(string name, TensorReference tensor)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        if (Shapes.Count(file, name, tensor.Shape) == 0)
            return torch.empty(tensor.Shape, tensor.Type.Scalar).DetachFromDisposeScope();
        (string, torch.ScalarType) key = (tensor.Storage.Key, tensor.Type.Scalar);
        if (!_loaded.TryGetValue(key, out torch.Tensor? storage))
        {
            long elements = Available(name, tensor.Storage.Key) / tensor.Type.Size;
            using Reading reading = Open(tensor.Storage.Key);
            storage = TensorMemory.Create(tensor.Type, [elements], reading.Fill);
            _loaded.Add(key, storage);
        }
        return storage.as_strided(tensor.Shape, tensor.Strides, tensor.Storage.Start + tensor.Offset).DetachFromDisposeScope();
    }

    /// <summary>Hands over the row-major bytes of a tensor.</summary>
    public void Scan(string name, TensorReference tensor, TensorMemory.Drain drain)
    {
        string key = tensor.Storage.Key;
        if (Shapes.Count(tensor.Shape) == 0)
            return;
        long length = Available(name, key);
        if (length > Array.MaxLength)
        {
            // No array is as long: the tensor library's memory is.
            using torch.Tensor read = Read(name, tensor);
            TensorMemory.Read(read, drain);
            return;
        }
        if (!_bytes.TryGetValue(key, out byte[]? storage))
        {
            using Reading reading = Open(key);
            reading.Fill(0, storage = new byte[length]);
            _bytes.Add(key, storage);
        }
        TensorMemory.Gather(storage, tensor.Type.Size, tensor.Shape, tensor.Strides, tensor.Storage.Start + tensor.Offset, drain);
    }

    /// <summary>Lets go of the storages; the tensors made from them live on.</summary>
    public virtual void Dispose()
    {
        foreach (torch.Tensor storage in _loaded.Values)
            storage.Dispose();
        _loaded.Clear();
        _bytes.Clear();
    }

    /// <summary>The bytes of a storage.</summary>
    protected abstract long Available(string tensor, string key);

    /// <summary>Begins to read a storage's bytes in order.</summary>
    protected abstract Reading Open(string key);

    /// <summary>A storage being read.</summary>
    /// <param name="Fill">Provides the bytes.</param>
    /// <param name="Resource">What to close afterwards.</param>
    protected sealed record Reading(TensorMemory.Fill Fill, IDisposable? Resource) : IDisposable
    {
        public void Dispose() => Resource?.Dispose();
    }
}
