namespace Polder.Checkpoints.Pickles;

/// <summary>A class or function that a pickle names. It is only a name here: nothing is ever looked up or called.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public string FullName => $"{Module}.{Name}";
}

internal sealed class PickleTuple(object?[] items)
{
    public static PickleTuple Empty { get; } = new([]);

    public object?[] Items { get; } = items;
}

internal sealed class PickleList
{
    public List<object?> Items { get; } = [];
}

/// <summary>A dictionary in the order of its first insertions, as Python's.</summary>
internal class PickleDictionary
{
    private readonly List<KeyValuePair<object?, object?>> _entries = [];

    // Keys become strings of their own kind: the hash of a string is seeded anew in each process, so that a file cannot be made of collisions,
    // which the hash of an integer would allow.
    private readonly Dictionary<string, int> _index = [];

    public IReadOnlyList<KeyValuePair<object?, object?>> Entries => _entries;

    public object? this[string key] => _index.TryGetValue("s" + key, out int at) ? _entries[at].Value : null;

    public void Set(object? key, object? value)
    {
        KeyValuePair<object?, object?> entry = new(key, value);
        string? name = key switch
        {
            string text => "s" + text,
            bool flag => flag ? "n1" : "n0",
            double or long or System.Numerics.BigInteger => "n" + key,
            null => "-",
            _ => null,
        };
        if (name is not null && _index.TryGetValue(name, out int at))
        {
            _entries[at] = entry;
            return;
        }
        if (name is not null)
            _index.Add(name, _entries.Count);
        _entries.Add(entry);
    }
}

/// <summary>
/// An object of which only the class's name is kept, and the items where it is a dictionary (an argument parser's namespace, an optimizer's class, a
/// script's settings).
/// </summary>
internal sealed class PickleOpaque(PickleGlobal type) : PickleDictionary
{
    public PickleGlobal Type { get; } = type;

    /// <summary>What it was made of: looked through for tensors, which must not be passed over.</summary>
    public List<object?> Parts { get; } = [];
}
