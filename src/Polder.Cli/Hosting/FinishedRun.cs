using Polder.Cli.Options;

namespace Polder.Cli.Hosting;

/// <summary>The run folder of a fine-tuning, read by the commands that measure what it made.</summary>
internal sealed class FinishedRun
{
    private readonly RunConfiguration _configuration;

    private FinishedRun(string folder, RunConfiguration configuration) => (Folder, _configuration) = (folder, configuration);

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
        RunConfiguration configuration = RunConfiguration.Read("--run", folder);
        if (configuration.Command is not ["finetune", ..])
            throw UserErrorException.ForOption(
                "--run", $"{folder}, a run of {(configuration.Command.Count > 0 ? configuration.Command[0] : "another program")}", RunConfiguration.Allowed);
        var run = new FinishedRun(folder, configuration);
        if (!File.Exists(run.Weights))
            throw UserErrorException.ForOption("--run", $"{folder}, which has no best.safetensors: it was stopped before its first epoch ended", RunConfiguration.Allowed);
        return run;
    }

    /// <summary>The effective value of one of the run's settings; the type's null where it has none.</summary>
    public T? Setting<T>(ICliOption option) => Setting<T>(Output.ResultJson.MemberName(option.Name));

    /// <inheritdoc cref="Setting{T}(ICliOption)"/>
    public T? Setting<T>(string name)
    {
        try
        {
            return _configuration.Settings[name] is { } value ? value.GetValue<T>() : default;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{_configuration.Path}: settings.{name} is {_configuration.Settings[name]!.ToJsonString()}, not of the type that it must be", e);
        }
    }
}
