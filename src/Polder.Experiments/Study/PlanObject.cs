using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Study;

/// <summary>An object of a plan, whose members are taken one by one: what is left at the end is a slip of the pen, and is said.</summary>
/// <param name="json">The object.</param>
/// <param name="origin">The file that messages name.</param>
/// <param name="path">Where it stands there, such as "tasks[0]"; empty: at the top.</param>
internal sealed class PlanObject(JsonObject json, string origin, string path)
{
    private readonly HashSet<string> _taken = [];

    /// <summary>Members that nobody has taken.</summary>
    public IEnumerable<KeyValuePair<string, JsonNode?>> Rest => json.Where(member => !_taken.Contains(member.Key));

    /// <summary>An error that names a member.</summary>
    public DataException Wrong(string member, JsonNode? found, string allowed) =>
        new(origin, $"{Place(member)}: found {found?.ToJsonString() ?? "nothing"}, allowed: {allowed}");

    /// <summary>Whether there is such a member.</summary>
    public bool Has(string member) => json[member] is not null;

    /// <summary>A member as it is; null where it is not there.</summary>
    public JsonNode? Node(string member)
    {
        _taken.Add(member);
        return json[member];
    }

    /// <summary>A word or sentence.</summary>
    public string Text(string member) => OptionalText(member) ?? throw Wrong(member, null, "a text");

    /// <summary>The same, or null where it is not there.</summary>
    public string? OptionalText(string member) => Node(member) switch
    {
        null => null,
        JsonValue value when value.TryGetValue(out string? text) && text.Length > 0 => text,
        var other => throw Wrong(member, other, "a text"),
    };

    /// <summary>An object; null where it is not there.</summary>
    public PlanObject? Object(string member) => Node(member) switch
    {
        null => null,
        JsonObject value => new PlanObject(value, origin, Place(member)),
        var other => throw Wrong(member, other, "an object"),
    };

    /// <summary>The settings in a member; empty where it is not there.</summary>
    public JsonObject Settings(string member) => Node(member) switch
    {
        null => [],
        JsonObject value => value.DeepClone().AsObject(),
        var other => throw Wrong(member, other, "an object of settings"),
    };

    /// <summary>Objects, at least one.</summary>
    public IReadOnlyList<PlanObject> Objects(string member, bool optional = false)
    {
        JsonNode? node = Node(member);
        if (node is null && optional)
            return [];
        if (node is not JsonArray { Count: > 0 } array || array.Any(item => item is not JsonObject))
            throw Wrong(member, node, "an array of objects, at least one");
        return [.. array.Select((item, i) => new PlanObject(item!.AsObject(), origin, $"{Place(member)}[{i}]"))];
    }

    /// <summary>A value of a kind; null where it is not there.</summary>
    public object? Value(string member, ValueKind kind)
    {
        JsonNode? node = Node(member);
        return node is null ? null : kind.Read(JsonSerializer.SerializeToElement(node)) ?? throw Wrong(member, node, kind.Allowed);
    }

    /// <summary>Rising distinct numbers.</summary>
    public IReadOnlyList<double> Numbers(string member, ValueRange range, int least)
    {
        if (least == 0 && Node(member) is null or JsonArray { Count: 0 })
            return [];
        var numbers = (IReadOnlyList<double>?)Value(member, ValueKind.Numbers(range)) ?? [];
        return numbers.Count >= least ? [.. numbers.Order()]
            : throw Wrong(member, json[member], $"at least {least} distinct number(s){range.Describe("")}");
    }

    /// <summary>Seeds: an array of whole numbers, or a text as <c>--seeds</c> has.</summary>
    public IReadOnlyList<long> Seeds(string member)
    {
        JsonNode? node = Node(member);
        string text = node switch
        {
            JsonArray array => string.Join(',', array.Select(item => item?.ToJsonString())),
            JsonValue value when value.TryGetValue(out string? words) => words,
            _ => node?.ToJsonString() ?? "",
        };
        return SeedList.TryParse(text, out IReadOnlyList<long> seeds) ? seeds : throw Wrong(member, node, SeedList.Allowed);
    }

    /// <summary>Refuses members that nobody has taken.</summary>
    /// <param name="allowed">The names that there are.</param>
    public void RequireNoRest(string allowed)
    {
        if (Rest.FirstOrDefault() is { Key: { } name, Value: var value })
            throw Wrong(name, value, $"no such member; there are {allowed}");
    }

    private string Place(string member) => path.Length == 0 ? member : $"{path}.{member}";
}
