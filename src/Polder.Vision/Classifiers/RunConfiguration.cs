using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Vision.Classifiers;

/// <summary>What the config.json of a run folder says.</summary>
/// <param name="Version">The version of the program that wrote it.</param>
/// <param name="Arguments">The command line as it was typed.</param>
/// <param name="Settings">Every setting with the value that it came to have.</param>
/// <param name="Plan">What a comparison or a tuning consists of; null elsewhere.</param>
public sealed record RunConfiguration(string Version, IReadOnlyList<string> Arguments, JsonObject Settings, JsonObject? Plan = null)
{
    /// <summary>What a setting that names a run folder takes.</summary>
    internal static string AllowedOf(string command) => $"a run folder of polder {command}";

    /// <summary>The command that made the run; null where it is unknown.</summary>
    public string? Command => Arguments.Count > 0 ? Arguments[0] : null;

    /// <summary>Reads the file.</summary>
    /// <exception cref="DataException">It is damaged.</exception>
    internal static RunConfiguration Read(string path)
    {
        try
        {
            JsonNode? json = JsonNode.Parse(File.ReadAllText(path));
            return new RunConfiguration((string)json!["polder"]!, [.. json["command"]!.AsArray().Select(argument => (string)argument!)],
                json["settings"]!.AsObject(), json["plan"]?.AsObject());
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new DataException(path, $"is no configuration of a run: {e.Message}", e);
        }
    }
}
