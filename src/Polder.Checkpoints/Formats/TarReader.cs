using System.Text;
using Polder.Checkpoints.Pickles;

namespace Polder.Checkpoints.Formats;

/// <summary>
/// PyTorch's files before 0.2: an uncompressed tar archive of <c>sys_info</c>, <c>pickle</c>, <c>storages</c> and <c>tensors</c>. A storage is the pickle
/// (key, location, type), its count in eight bytes and its elements; a tensor is the pickle (key, storage, type), its rank in eight bytes, sizes,
/// strides and offset, and the object's pickle refers to it by its key.
/// </summary>
internal static class TarReader
{
    private const int Block = 512;
    private const int MaximumMembers = 64;

    private static readonly string[] Members = ["sys_info", "pickle", "storages", "tensors"];

    /// <summary>Whether a file that begins with these bytes is a tar archive of that kind, or one with the usual mark.</summary>
    public static bool IsTar(ReadOnlySpan<byte> head)
    {
        if (head.Length < Block)
            return false;
        foreach (string name in Members)
            if (MemberName(head) == name)
                return true;
        return head[257..262].SequenceEqual("ustar"u8);
    }

    public static OpenedCheckpoint Open(ByteSource file, CheckpointOptions options)
    {
        Dictionary<string, ByteSource> members = FindMembers(file);
        if (!members.TryGetValue("pickle", out ByteSource? pickle) || !members.TryGetValue("storages", out ByteSource? storageBytes))
            throw file.Refuse("is a tar archive without PyTorch's members 'pickle' and 'storages'");
        Storages storages = new(file, storageBytes);
        Dictionary<string, TensorReference> tensors = members.TryGetValue("tensors", out ByteSource? tensorBytes) ? ReadTensors(tensorBytes, storages) : [];
        PickleInput input = new(pickle);
        object? root = new Unpickler(input, Resolve).Load();
        return new OpenedCheckpoint(StateTree.Flatten(file, "PyTorch tar", root, storages, options), storages);

        object? Resolve(object? id) => id switch
        {
            // A container whose source was saved along with it.
            PickleTuple { Items: ["storage", ..] } => StorageReference.Of(input, id),
            PickleTuple { Items: [var container, ..] } => container,
            _ when tensors.TryGetValue(Key(input, id), out TensorReference? tensor) => tensor,
            _ => throw input.Refuse($"the pickle refers to tensor '{Key(input, id)}', which is not there"),
        };
    }

    private static Dictionary<string, ByteSource> FindMembers(ByteSource file)
    {
        Dictionary<string, ByteSource> members = [];
        byte[] header = new byte[Block];
        long position = 0;
        for (int count = 0; position + Block <= file.Length; count++)
        {
            file.Read(position, header);
            if (!header.AsSpan().ContainsAnyExcept((byte)0))
                break;
            if (count == MaximumMembers)
                throw file.Refuse($"the tar archive has more than {MaximumMembers} members");
            position += Block;
            string octal = Encoding.ASCII.GetString(header, 124, 12).Trim('\0', ' ');
            long size = 0;
            foreach (char digit in octal)
                size = digit is >= '0' and <= '7' ? (size * 8) + (digit - '0') : throw file.Refuse("a size in the tar archive is malformed");
            if (size > file.Length - position)
                throw file.Refuse("the tar archive is cut short");
            string name = MemberName(header);
            if (Members.Contains(name) && !members.TryAdd(name, new WindowSource(file, position, size)))
                throw file.Refuse($"the tar archive has two members called '{name}'");
            position += (size + Block - 1) / Block * Block;
        }
        return members;
    }

    private static string MemberName(ReadOnlySpan<byte> header)
    {
        ReadOnlySpan<byte> name = header[..100];
        int end = name.IndexOf((byte)0);
        string text = Encoding.Latin1.GetString(end < 0 ? name : name[..end]);
        return text.StartsWith("./", StringComparison.Ordinal) ? text[2..] : text;
    }

    private static Dictionary<string, TensorReference> ReadTensors(ByteSource bytes, Storages storages)
    {
        PickleInput input = new(bytes);
        Unpickler unpickler = NewUnpickler(input);
        Dictionary<string, TensorReference> tensors = [];
        long count = Count(input, unpickler.Load());
        for (long i = 0; i < count; i++)
        {
            if (unpickler.Load() is not PickleTuple { Items: [var key, var storage, PickleGlobal] })
                throw input.Refuse("a tensor of the tar archive is malformed");
            int rank = input.ReadInt32();
            input.ReadInt32(); // the rank has eight bytes, of which only four were ever used
            if (rank is < 0 or > 64)
                throw input.Refuse($"a tensor of the tar archive has {rank} dimensions");
            long[] shape = Numbers(rank), strides = Numbers(rank);
            StorageReference reference = storages.Find(Key(input, storage)) ?? throw input.Refuse($"storage '{Key(input, storage)}' of a tensor is missing");
            tensors[Key(input, key)] = new TensorReference(reference, reference.Type!, input.ReadInt64(), shape, strides);
        }
        return tensors;

        long[] Numbers(int rank)
        {
            long[] numbers = new long[rank];
            foreach (ref long number in numbers.AsSpan())
                number = input.ReadInt64();
            return numbers;
        }
    }

    private static Unpickler NewUnpickler(PickleInput input) =>
        new(input, _ => throw input.Refuse("a description in the tar archive refers to an object"));

    private static long Count(PickleInput input, object? value) =>
        value is long and >= 0 ? (long)value : throw input.Refuse("a count in the tar archive is malformed");

    private static string Key(PickleInput input, object? key) =>
        StorageReference.KeyOf(key) ?? throw input.Refuse("a key in the tar archive is neither text nor a number");

    private sealed class Storages : StorageReader
    {
        private readonly Dictionary<string, (StorageReference Reference, long Start, long Bytes)> _places = [];
        private readonly ByteSource _bytes;

        public Storages(ByteSource file, ByteSource bytes) : base(file)
        {
            _bytes = bytes;
            PickleInput input = new(bytes);
            Unpickler unpickler = NewUnpickler(input);
            long storages = Count(input, unpickler.Load());
            for (long i = 0; i < storages; i++)
            {
                if (unpickler.Load() is not PickleTuple { Items: [var key, _, PickleGlobal type] })
                    throw input.Refuse("a storage of the tar archive is malformed");
                ElementType element = ElementType.Find(t => t.TorchStorage, type.Name) ?? throw input.Refuse($"'{type.FullName}' is no type of a storage");
                long count = input.ReadInt64();
                if (count < 0 || count > (bytes.Length - input.Position) / element.Size)
                    throw input.Refuse($"the tar archive is cut short: a storage claims {count} elements");
                string name = Key(input, key);
                Add(input, name, new StorageReference(name, element, 0, count), input.Position, count * element.Size);
                input.Position += count * element.Size;
            }
            if (!input.AtEnd)
                AddViews(input, unpickler.Load());
        }

        public StorageReference? Find(string key) => _places.TryGetValue(key, out var place) ? place.Reference : null;

        protected override long Available(string tensor, string key) =>
            _places.TryGetValue(key, out var place) ? place.Bytes : throw File.Refuse($"storage '{key}' of tensor '{tensor}' is missing");

        protected override Reading Open(string key)
        {
            long start = _places[key].Start;
            return new Reading((offset, destination) => _bytes.Read(start + offset, destination), null);
        }

        // (view, storage, offset, count): a storage that is a piece of another.
        private void AddViews(PickleInput input, object? views)
        {
            if (views is not PickleList list)
                throw input.Refuse("the views of the tar archive are malformed");
            foreach (object? view in list.Items)
            {
                if (view is not PickleTuple { Items: [var key, var root, long offset, long count] } || !_places.TryGetValue(Key(input, root), out var place)
                    || offset < 0 || count < 0 || offset > place.Reference.Count || count > place.Reference.Count - offset)
                    throw input.Refuse("a view of the tar archive is malformed");
                string name = Key(input, key);
                // The view keeps the storage's key and remembers its start, so that both still share memory.
                Add(input, name, place.Reference with { Start = place.Reference.Start + offset, Count = count }, place.Start, place.Bytes);
            }
        }

        private void Add(PickleInput input, string name, StorageReference reference, long start, long bytes)
        {
            if (!_places.TryAdd(name, (reference, start, bytes)))
                throw input.Refuse($"two storages are called '{name}'");
        }
    }
}
