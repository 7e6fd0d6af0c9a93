using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Pages;

/// <summary>Reads what commands wrote as JSON.</summary>
internal static class ResultFile
{
    // What is missing or null where it must not be is refused here, and not met later.
    private static readonly JsonSerializerOptions Strict = new(ResultJson.Options)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>The commands whose results are measurements of a network.</summary>
    public static readonly IReadOnlyList<string> Measurements = ["hessian", "stability", "landscape", "bound"];

    /// <summary>Reads the result of a command.</summary>
    /// <exception cref="DataException">It is no JSON, or not a result of this program.</exception>
    public static JsonObject Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) is JsonObject found && found["polder"] is JsonValue && Command(found) is not null ? found
                : throw new DataException(path, "is no result of polder: a JSON object with the members polder and command, as --json writes it, is allowed");
        }
        catch (JsonException e)
        {
            throw new DataException(path, $"is no JSON: {e.Message}", e);
        }
    }

    /// <summary>The command that made a result; null where it says none.</summary>
    public static string? Command(JsonObject result) => result["command"] is JsonArray { Count: > 0 } words && words[0] is JsonValue first
        && first.TryGetValue(out string? name) ? name : null;

    /// <summary>The command line that made a result.</summary>
    public static IReadOnlyList<string> Arguments(JsonObject result) => [.. (result["command"] as JsonArray ?? []).Select(word => word?.ToString() ?? "")];

    /// <summary>The files of measurements in a folder.</summary>
    public static IReadOnlyList<string> MeasurementsIn(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal).Where(IsMeasurement)];

    /// <summary>A number in a result; null where it is not there.</summary>
    public static double? Number(JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (string name in path)
            node = (node as JsonObject)?[name];
        return node is JsonValue value && value.TryGetValue(out double number) ? number : null;
    }

    /// <summary>A text in a result; null where it is not there.</summary>
    public static string? Text(JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (string name in path)
            node = (node as JsonObject)?[name];
        return node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
    }

    /// <summary>A member in the form that it has in code.</summary>
    /// <exception cref="DataException">It is of another form.</exception>
    public static T Form<T>(JsonNode? node, string path)
    {
        try
        {
            return node.Deserialize<T>(Strict) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            throw new DataException(path, $"is not a result as polder writes it: {e.Message}", e);
        }
    }

    /// <summary>A list of a result, which has members and no gaps.</summary>
    /// <exception cref="DataException">It is empty, or something in it is null.</exception>
    public static T[] Whole<T>(IReadOnlyList<T?> list, string name, string path)
        where T : class => list.Count > 0 && list.All(x => x is not null) ? [.. list.OfType<T>()]
        : throw new DataException(path, $"is not a result as polder writes it: {name} is empty or has gaps");

    // Whatever else lies in a folder is passed over.
    private static bool IsMeasurement(string file)
    {
        if (Path.GetFileName(file) is "config.json" or "result.json")
            return false;
        try
        {
            return Command(Read(file)) is { } command && Measurements.Contains(command);
        }
        catch (DataException)
        {
            return false;
        }
    }
}
