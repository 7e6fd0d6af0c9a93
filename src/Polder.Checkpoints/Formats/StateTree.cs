using System.Globalization;
using Polder.Checkpoints.Pickles;

namespace Polder.Checkpoints.Formats;

/// <summary>Turns the object that a pickle built into named tensors and metadata. The only place that knows about wrapped state dictionaries.</summary>
internal sealed class StateTree
{
    private const int MaximumDepth = 32;
    private const int MaximumLeaves = 1_000_000;
    private const long MaximumNameCharacters = 1 << 26;

    private readonly ByteSource _file;
    private readonly List<(string Name, TensorReference Reference)> _tensors = [];
    private readonly Dictionary<string, string> _metadata = [];
    private readonly HashSet<string> _names = [];
    private PickleGlobal? _foreign;
    private int _leaves;
    private long _characters;

    private StateTree(ByteSource file) => _file = file;

    /// <summary>Flattens <paramref name="root"/>; <paramref name="storages"/> reads the tensors that are kept.</summary>
    public static CheckpointContent Flatten(ByteSource file, string format, object? root, StorageReader storages, CheckpointOptions options)
    {
        StateTree tree = new(file);
        tree.Visit("", root, 0);
        // What looks empty is not: the object's own code would know what it holds.
        if (tree._tensors.Count == 0 && tree._foreign is { } foreign)
            throw file.Refuse(PickleVocabulary.WhyHidden(foreign));
        bool meant = options.KeyPrefix is { Length: > 0 } key && tree._tensors.Exists(t => t.Name.StartsWith(key, StringComparison.Ordinal));
        string? wrapper = options.Unwrap && !meant ? FindWrapper(root, options.Wrappers) : null;
        string inside = wrapper is null ? "" : wrapper + ".";
        List<StoredTensor> kept = [];
        List<string> leftOut = [];
        foreach ((string name, TensorReference reference) in tree._tensors)
        {
            if (!name.StartsWith(inside, StringComparison.Ordinal))
            {
                leftOut.Add(name);
                continue;
            }
            storages.Check(name, reference);
            kept.Add(new StoredTensor(name[inside.Length..], reference.Type, reference.Shape, () => storages.Read(name, reference),
                drain => storages.Scan(name, reference, drain)));
        }
        return new CheckpointContent(format, kept, tree._metadata) { Wrapper = wrapper, LeftOut = leftOut };
    }

    /// <summary>
    /// The path of the model's dictionary: as long as a dictionary has no tensor of its own, but a dictionary with tensors under one of the
    /// wrappers' keys, that one is meant.
    /// </summary>
    private static string? FindWrapper(object? root, IReadOnlyList<string> wrappers)
    {
        List<string> path = [];
        while (path.Count < MaximumDepth && root is PickleDictionary dictionary && !dictionary.Entries.Any(e => e.Value is TensorReference))
        {
            string? key = wrappers.FirstOrDefault(w => dictionary[w] is PickleDictionary inner && HasTensor(inner));
            if (key is null)
                break;
            path.Add(key);
            root = dictionary[key];
        }
        return path.Count == 0 ? null : string.Join('.', path);
    }

    private static bool HasTensor(PickleDictionary dictionary) =>
        dictionary.Entries.Any(e => e.Value is TensorReference
            || (e.Value is PickleDictionary inner && inner.Entries.Any(i => i.Value is TensorReference or PickleDictionary)));

    private void Visit(string name, object? value, int depth)
    {
        // References may form a lattice whose paths grow exponentially, or a cycle: depth, leaves and names are bounded.
        if (depth > MaximumDepth)
            throw _file.Refuse($"the pickle nests deeper than {MaximumDepth} levels");
        _characters += name.Length;
        if (++_leaves > MaximumLeaves || _characters > MaximumNameCharacters)
            throw _file.Refuse($"the pickle holds more than {MaximumLeaves} values");
        switch (value)
        {
            case TensorReference reference:
                string tensorName = name.Length == 0 ? "tensor" : name;
                if (!_names.Add(tensorName))
                    throw _file.Refuse($"two tensors are called '{tensorName}'");
                _tensors.Add((tensorName, reference));
                break;
            case PickleDictionary dictionary:
                if (dictionary is PickleOpaque { Type: var type })
                {
                    _foreign ??= type;
                    if (name.Length > 0)
                        _metadata[name] = type.FullName;
                }
                foreach ((object? key, object? item) in dictionary.Entries)
                    Visit(Join(name, KeyText(key)), item, depth + 1);
                break;
            case PickleList list:
                VisitItems(name, list.Items, depth);
                break;
            case PickleTuple tuple:
                VisitItems(name, tuple.Items, depth);
                break;
            default:
                if (name.Length > 0 && Text(value) is string text)
                    _metadata[name] = text;
                break;
        }
    }

    private void VisitItems(string name, IReadOnlyList<object?> items, int depth)
    {
        // Lists of numbers (learning curves, parameter groups) are one value, not thousands.
        if (items.All(item => item is not (TensorReference or PickleDictionary or PickleList or PickleTuple)))
        {
            if (name.Length > 0)
                _metadata[name] = items.Count <= 64 ? $"[{string.Join(", ", items.Select(Text))}]" : $"[{items.Count} values]";
            _leaves += items.Count;
            return;
        }
        for (int i = 0; i < items.Count; i++)
            Visit(Join(name, i.ToString(CultureInfo.InvariantCulture)), items[i], depth + 1);
    }

    private static string Join(string name, string key) => name.Length == 0 ? key : $"{name}.{key}";

    private string KeyText(object? key) => key switch
    {
        string text => text,
        null or bool or long or double or PickleOpaque or PickleGlobal => Text(key) ?? "",
        _ => throw _file.Refuse("a dictionary has a key that is neither text nor a number"),
    };

    private static string? Text(object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        byte[] bytes => $"[{bytes.Length} bytes]",
        string { Length: > 1 << 16 } text => $"[{text.Length} characters]",
        PickleOpaque opaque => opaque.Type.FullName,
        PickleGlobal global => global.FullName,
        long or System.Numerics.BigInteger or string => Convert.ToString(value, CultureInfo.InvariantCulture),
        _ => null,
    };
}
