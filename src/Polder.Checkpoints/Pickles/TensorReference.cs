using System.Globalization;

namespace Polder.Checkpoints.Pickles;

/// <summary>A storage that the pickle names and that lies elsewhere in the file.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Type">The element type; null for untyped bytes.</param>
/// <param name="Start">The first element, where it is a view of a larger storage.</param>
/// <param name="Count">The number of elements (bytes where untyped).</param>
internal sealed record StorageReference(string Key, ElementType? Type, long Start, long Count)
{
    /// <summary>A key as text: PyTorch writes texts, older versions numbers; null where it is neither.</summary>
    public static string? KeyOf(object? key) => key as string ?? (key as long?)?.ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads <c>('storage', type, key, location, count[, (view key, start, count)])</c>.</summary>
    public static StorageReference Of(PickleInput input, object? id)
    {
        if (id is not PickleTuple { Items: ["storage", PickleGlobal type, var key, _, long count, .. var rest] } || count < 0)
            throw input.Refuse("the pickle refers to a storage in a way that PyTorch does not write");
        string name = KeyOf(key) ?? throw input.Refuse("the key of a storage is neither text nor a number");
        long start = 0;
        if (rest is [PickleTuple { Items: [_, long viewStart, long viewCount] }])
        {
            if (viewStart < 0 || viewCount < 0)
                throw input.Refuse("a view of a storage has a negative range");
            (start, count) = (viewStart, viewCount);
        }
        else if (rest is not ([] or [null]))
        {
            throw input.Refuse("the pickle refers to a view of a storage in a way that PyTorch does not write");
        }
        if (type.Name == "UntypedStorage")
            return new StorageReference(name, null, start, count);
        ElementType element = ElementType.Find(t => t.TorchStorage, type.Name) ?? throw input.Refuse($"'{type.FullName}' is no type of a storage");
        return new StorageReference(name, element, start, count);
    }
}

/// <summary>A tensor as the pickle describes it: a strided view of a storage. Nothing is read yet.</summary>
internal sealed record TensorReference(StorageReference Storage, ElementType Type, long Offset, long[] Shape, long[] Strides);
