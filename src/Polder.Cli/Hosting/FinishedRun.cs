using System.Text.Json;
using System.Text.Json.Nodes;
using Polder.Cli.Options;

namespace Polder.Cli.Hosting;

/// <summary>The run folder of a fine-tuning, read by the commands that measure what it made.</summary>
internal sealed class FinishedRun
{
    private readonly string _config;
    private readonly JsonObject _settings;

    private FinishedRun(string folder, string config, JsonObject settings) => (Folder, _config, _settings) = (folder, config, settings);

    /// <summary>The folder as the user named it.</summary>
    public string Folder { get; }

    /// <summary>The weights of the best epoch.</summary>
    public string Weights => Path.Combine(Folder, "best.safetensors");

    /// <summary>The seed of the run's split, head and noise.</summary>
    public long Seed => Setting<long?>("seed") ?? 0;

    /// <summary>Opens a folder.</summary>
    /// <exception cref="UserErrorException">It is no run folder of a fine-tuning, or was left before the first epoch ended.</exception>
    public static FinishedRun Open(string folder)
    {
        const string Allowed = "a run folder of polder finetune";
        string config = Path.Combine(folder, "config.json");
        if (!File.Exists(config))
            throw UserErrorException.ForOption("--run", $"{folder}, which {(Directory.Exists(folder) ? "has no config.json" : "is no folder")}", Allowed);
        JsonObject? root;
        try
        {
            root = JsonNode.Parse(File.ReadAllText(config)) as JsonObject;
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{config}: is no JSON: {e.Message}", e);
        }
        if (root?["settings"] is not JsonObject settings || root["command"] is not JsonArray command)
            throw new UserErrorException($"{config}: has no settings and command, so it was not written by polder");
        if (command is not [JsonValue name, ..] || (string?)name != "finetune")
            throw UserErrorException.ForOption("--run", $"{folder}, a run of {(command.Count > 0 ? command[0] : "another program")}", Allowed);
        var run = new FinishedRun(folder, config, settings);
        if (!File.Exists(run.Weights))
            throw UserErrorException.ForOption("--run", $"{folder}, which has no best.safetensors: it was stopped before its first epoch ended", Allowed);
        return run;
    }

    /// <summary>The effective value of one of the run's settings; the type's null where it has none.</summary>
    public T? Setting<T>(ICliOption option) => Setting<T>(Output.ResultJson.MemberName(option.Name));

    /// <inheritdoc cref="Setting{T}(ICliOption)"/>
    public T? Setting<T>(string name)
    {
        try
        {
            return _settings[name] is { } value ? value.GetValue<T>() : default;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{_config}: settings.{name} is {_settings[name]!.ToJsonString()}, not of the type that it must be", e);
        }
    }
}
