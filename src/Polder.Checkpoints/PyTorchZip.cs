using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Polder.Checkpoints.Pickles;

namespace Polder.Checkpoints;

/// <summary>
/// Writes a state dictionary in PyTorch's own format (a zip archive, since 1.6), which <c>torch.load(path, weights_only=True)</c> reads and
/// <c>load_state_dict</c> takes. <see cref="Checkpoint.Load"/> reads it, too.
/// </summary>
public static class PyTorchZip
{
    /// <summary>Writes tensors of any layout and device as dense tensors on the CPU; the file appears whole or not at all.</summary>
    /// <param name="path">The file to create or replace; its folder must exist.</param>
    /// <param name="tensors">Names and tensors. A tensor that is given under several names is stored once and stays shared.</param>
    /// <exception cref="ArgumentException">A name is empty or given twice, or PyTorch has no storage of a tensor's type.</exception>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<(string Name, torch.Tensor Tensor)> tensors)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        List<(string Name, torch.Tensor Tensor)> entries = [.. tensors];
        HashSet<string> names = [];
        Dictionary<torch.Tensor, string> keys = new(new SameMemory());
        List<(string Name, string Storage, long Offset, long StorageCount, ElementType Type, long[] Shape)> descriptions = [];
        foreach ((string name, torch.Tensor tensor) in entries)
        {
            if (string.IsNullOrEmpty(name) || !names.Add(name))
                throw new ArgumentException($"tensor name '{name}' is empty or given twice", nameof(tensors));
            ArgumentNullException.ThrowIfNull(tensor);
            ElementType type = ElementType.All.FirstOrDefault(t => t.Scalar == tensor.dtype)
                ?? throw new ArgumentException($"tensor '{name}' has type {tensor.dtype}, which cannot be stored", nameof(tensors));
            if (!keys.TryGetValue(tensor, out string? key))
                keys.Add(tensor, key = keys.Count.ToString(CultureInfo.InvariantCulture));
            descriptions.Add((name, key, 0, tensor.numel(), type, tensor.shape));
        }
        byte[] pickle = Pickler.StateDictionary(descriptions);
        AtomicFile.Write(path, stream =>
        {
            const string Folder = "archive/";
            StoredZipWriter zip = new(stream);
            zip.Add(Folder + "data.pkl", pickle);
            zip.Add(Folder + "byteorder", Encoding.ASCII.GetBytes("little"));
            foreach ((torch.Tensor tensor, string key) in keys)
                zip.Add($"{Folder}data/{key}", tensor.numel() * ElementType.Of(tensor.dtype).Size, write => TensorMemory.Read(tensor, write));
            zip.Add(Folder + "version", Encoding.ASCII.GetBytes("3\n"));
            zip.Finish();
        });
    }

    /// <summary>Two wrappers of one dense tensor in memory count as one.</summary>
    private sealed class SameMemory : IEqualityComparer<torch.Tensor>
    {
        public bool Equals(torch.Tensor? x, torch.Tensor? y) =>
            ReferenceEquals(x, y) || (x is not null && y is not null && x.dtype == y.dtype && x.numel() == y.numel()
                && Address(x) is not 0 and var at && at == Address(y));

        public int GetHashCode(torch.Tensor tensor) => Address(tensor).GetHashCode() ^ tensor.numel().GetHashCode();

        // The address of dense memory of the CPU; 0 where there is none to compare (handles then tell tensors apart).
        private static unsafe nint Address(torch.Tensor tensor)
        {
            if (tensor.device_type != DeviceType.CPU || !tensor.is_contiguous() || tensor.numel() == 0)
                return 0;
            using DisposeScope scope = torch.NewDisposeScope();
            Span<byte> first = tensor.detach().view(-1).narrow(0, 0, 1).bytes;
            return (nint)Unsafe.AsPointer(ref first[0]);
        }
    }
}
