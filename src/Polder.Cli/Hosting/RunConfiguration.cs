using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Cli.Hosting;

/// <summary>The config.json of a run folder, from which a run is resumed.</summary>
/// <param name="Path">The file.</param>
/// <param name="Version">The version of the program that wrote it.</param>
/// <param name="Command">The command line as it was typed.</param>
/// <param name="Settings">Every option with the value that it came to have.</param>
internal sealed record RunConfiguration(string Path, string Version, IReadOnlyList<string> Command, JsonObject Settings)
{
    /// <summary>What an option that names a run folder takes.</summary>
    public const string Allowed = "a run folder of polder finetune";

    /// <summary>Reads it.</summary>
    /// <param name="option">The option that named the folder, for the message.</param>
    /// <param name="folder">The run folder.</param>
    /// <exception cref="UserErrorException">The folder is no run folder, or the file is damaged.</exception>
    public static RunConfiguration Read(string option, string folder)
    {
        string path = System.IO.Path.Combine(folder, "config.json");
        if (!File.Exists(path))
            throw UserErrorException.ForOption(option, $"{folder}, which {(Directory.Exists(folder) ? "has no config.json" : "is no folder")}", Allowed);
        try
        {
            JsonNode? json = JsonNode.Parse(File.ReadAllText(path));
            string[] typed = [.. json!["command"]!.AsArray().Select(argument => (string)argument!)];
            // Version 0.1.0 had an option for what was always so.
            string[] command = [.. typed.Where((argument, i) => argument is not ("--device" or "--device=cpu") && !(argument == "cpu" && i > 0 && typed[i - 1] == "--device"))];
            return new RunConfiguration(path, (string)json["polder"]!, command, json["settings"]!.AsObject());
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{path}: is no configuration of a run: {e.Message}", e);
        }
    }
}
