using System.Globalization;
using System.Numerics;
using Polder.Checkpoints.Pickles;

namespace Polder.Checkpoints.Formats;

/// <summary>PyTorch's files of versions 0.2 to 1.5: five pickles (magic number, version, machine, object, keys of storages), then the storages.</summary>
internal static class LegacyPyTorchReader
{
    private const int ProtocolVersion = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356", CultureInfo.InvariantCulture);

    public static OpenedCheckpoint Open(ByteSource file, CheckpointOptions options)
    {
        PickleInput input = new(file);
        Unpickler unpickler = new(input, id => StorageReference.Of(input, id));
        if (unpickler.Load() is not BigInteger magic || magic != Magic)
            throw file.Refuse("is a Python pickle, but none that PyTorch's save wrote (its magic number is missing)");
        if (unpickler.Load() is not long version || version != ProtocolVersion)
            throw file.Refuse($"is a PyTorch file of an unknown version; {ProtocolVersion} is known");
        if (unpickler.Load() is PickleDictionary system && system["little_endian"] is false)
            throw file.Refuse("was written on a big-endian machine, which Polder does not read");
        object? root = unpickler.Load();
        if (unpickler.Load() is not PickleList keys)
            throw file.Refuse("the list of storages is missing");
        Storages storages = new(file, FindSizes(root), keys, input.Position);
        return new OpenedCheckpoint(StateTree.Flatten(file, "PyTorch legacy", root, storages, options), storages);
    }

    /// <summary>
    /// The element size of each storage. The list of keys does not tell it, and every size is needed, because the storages follow one another
    /// without an index.
    /// </summary>
    private static Dictionary<string, int> FindSizes(object? root)
    {
        Dictionary<string, int> sizes = [];
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        Stack<object?> open = new([root]);
        while (open.TryPop(out object? value))
        {
            if (value is null || value is string || !seen.Add(value))
                continue;
            IEnumerable<object?> inner = value switch
            {
                PickleDictionary dictionary => dictionary.Entries.Select(e => e.Value),
                PickleList list => list.Items,
                PickleTuple tuple => tuple.Items,
                _ => [],
            };
            foreach (object? item in inner)
                open.Push(item);
            StorageReference? storage = value as StorageReference ?? (value as TensorReference)?.Storage;
            if (storage is not null)
                sizes[storage.Key] = storage.Type?.Size ?? 1;
        }
        return sizes;
    }

    private sealed class Storages : StorageReader
    {
        private readonly Dictionary<string, (long Start, long Bytes)> _places = [];

        public Storages(ByteSource file, Dictionary<string, int> sizes, PickleList keys, long position) : base(file)
        {
            Span<byte> head = stackalloc byte[8];
            foreach (object? item in keys.Items)
            {
                string key = StorageReference.KeyOf(item) ?? throw file.Refuse("the key of a storage is neither text nor a number");
                if (!sizes.TryGetValue(key, out int size))
                    throw file.Refuse($"no tensor uses storage '{key}', so that its size is unknown");
                file.Read(position, head);
                position += 8;
                long count = BitConverter.ToInt64(head);
                if (count < 0 || count > (file.Length - position) / size)
                    throw file.Refuse($"the file is cut short: storage '{key}' claims {count} elements of {size} bytes at offset {position} of {file.Length}");
                if (!_places.TryAdd(key, (position, count * size)))
                    throw file.Refuse($"two storages are called '{key}'");
                position += count * size;
            }
        }

        protected override long Available(string tensor, string key) =>
            _places.TryGetValue(key, out (long Start, long Bytes) place) ? place.Bytes : throw File.Refuse($"storage '{key}' of tensor '{tensor}' is missing");

        protected override Reading Open(string key)
        {
            long start = _places[key].Start;
            return new Reading((offset, destination) => File.Read(start + offset, destination), null);
        }
    }
}
