using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Vision.Classifiers;

/// <summary>The folder of a run: the names of its files, and how they are written and read. What an earlier run wrote is never overwritten.</summary>
public sealed class RunFolder
{
    private const string ConfigurationName = "config.json";

    private RunFolder(string path) => Path = path;

    /// <summary>The folder as it was named.</summary>
    public string Path { get; }

    /// <summary>The settings, seed, versions and command of the run.</summary>
    public string ConfigurationFile => In(ConfigurationName);

    /// <summary>One object an epoch.</summary>
    public string Metrics => In("metrics.jsonl");

    /// <summary>The weights of the best epoch.</summary>
    public string Best => In("best.safetensors");

    /// <summary>Everything that the rest of the training depends on.</summary>
    public string ResumeFile => In("last", "training.safetensors");

    /// <summary>What came of the run.</summary>
    public string Result => In("result.json");

    /// <summary>Events for TensorBoard.</summary>
    public string Events => In(TensorBoardEvents.FileName);

    /// <summary>What <see cref="ConfigurationFile"/> says.</summary>
    public RunConfiguration Configuration => field ??= RunConfiguration.Read(ConfigurationFile);

    /// <summary>The value that one of the run's settings came to have; null where it has none.</summary>
    /// <param name="member">Its name in JSON.</param>
    /// <exception cref="DataException">It is of another type.</exception>
    public T? Setting<T>(string member)
    {
        JsonNode? value = Configuration.Settings[member];
        try
        {
            return value is null ? default : value.GetValue<T>();
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new DataException(ConfigurationFile, $"settings.{member} is {value!.ToJsonString()}, not of the type that it must be", e);
        }
    }

    /// <summary>The path of a file of the run.</summary>
    /// <param name="names">Its name, with the folders above it.</param>
    public string In(params ReadOnlySpan<string> names) => System.IO.Path.Combine([Path, .. names]);

    /// <summary>Makes a folder, which must not exist or be empty.</summary>
    /// <exception cref="DataException">It holds something, or cannot be made.</exception>
    public static RunFolder Create(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        const string allowed = "a folder that does not exist or is empty";
        if (File.Exists(path))
            throw new SettingException("out", $"the file {path}", allowed);
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
            throw new SettingException("out", $"{path}, which is not empty", allowed);
        return new RunFolder(Make(path));
    }

    /// <summary>Makes the folder <c>ROOT/NAME-N</c> with the number after the largest one there.</summary>
    /// <exception cref="DataException">It cannot be made.</exception>
    public static RunFolder CreateNext(string root, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        ArgumentException.ThrowIfNullOrEmpty(name);
        Make(root);
        string prefix = name + "-";
        int number = 1 + Directory.EnumerateFileSystemEntries(root, prefix + "*")
            .Select(entry => int.TryParse(System.IO.Path.GetFileName(entry)[prefix.Length..], out int n) ? n : 0)
            .Append(0).Max();
        for (; ; number++)
        {
            string folder = System.IO.Path.Combine(root, prefix + number), mark = System.IO.Path.Combine(root, $".{prefix}{number}");
            // Two programs may start at the same moment, and making a folder succeeds when it is there already: a file that only one
            // of them can create decides whose number it is.
            try
            {
                using var claim = new FileStream(mark, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
                if (!Directory.Exists(folder))
                    return new RunFolder(Make(folder));
            }
            catch (IOException) when (File.Exists(mark) || Directory.Exists(folder))
            {
                // The number is the other program's.
            }
        }
    }

    /// <summary>Opens the folder of a fine-tuning that has weights.</summary>
    /// <exception cref="DataException">It is no run folder of a fine-tuning, or was left before the first epoch ended.</exception>
    public static RunFolder Open(string path)
    {
        RunFolder run = OpenUnfinished(path);
        if (!File.Exists(run.Best))
            throw new SettingException("run", $"{path}, which has no {System.IO.Path.GetFileName(run.Best)}: it was stopped before its first epoch ended",
                RunConfiguration.Allowed);
        return run;
    }

    /// <summary>Opens the folder of a fine-tuning, finished or not.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="setting">The setting that named it, for the message.</param>
    /// <exception cref="SettingException">It is no run folder of a fine-tuning.</exception>
    /// <exception cref="DataException">Its configuration is damaged.</exception>
    public static RunFolder OpenUnfinished(string path, string setting = "run")
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var run = new RunFolder(path);
        if (!File.Exists(run.ConfigurationFile))
            throw new SettingException(setting, $"{path}, which {(Directory.Exists(path) ? $"has no {ConfigurationName}" : "is no folder")}",
                RunConfiguration.Allowed);
        if (run.Configuration.Command is not "finetune")
            throw new SettingException(setting, $"{path}, a run of {run.Configuration.Command ?? "another program"}", RunConfiguration.Allowed);
        return run;
    }

    /// <summary>Writes the configuration.</summary>
    /// <param name="configuration">An object with the members <c>polder</c> (version), <c>command</c> (arguments) and <c>settings</c>, and whatever
    /// else.</param>
    public void WriteConfiguration(JsonObject configuration) => AtomicFile.WriteText(ConfigurationFile, ResultJson.Text(configuration));

    /// <summary>
    /// Writes the epochs so far, for programs and for TensorBoard. Whole each time: a run that dies in between must not leave an epoch twice.
    /// </summary>
    internal void WriteEpochs(IReadOnlyList<EpochReport> epochs)
    {
        AtomicFile.WriteText(Metrics, string.Concat(epochs.Select(report => ResultJson.Line(report) + "\n")));
        DateTimeOffset began = new(File.GetLastWriteTimeUtc(ConfigurationFile), TimeSpan.Zero);
        AtomicFile.Write(Events, stream => stream.Write(TensorBoardEvents.Of(epochs, began)));
    }

    private static string Make(string folder)
    {
        try
        {
            return Directory.CreateDirectory(folder).FullName is var full && System.IO.Path.IsPathRooted(folder) ? full : folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException(folder, $"cannot be made: {e.Message}", e);
        }
    }
}

/// <summary>What the config.json of a run folder says.</summary>
/// <param name="Version">The version of the program that wrote it.</param>
/// <param name="Arguments">The command line as it was typed.</param>
/// <param name="Settings">Every setting with the value that it came to have.</param>
public sealed record RunConfiguration(string Version, IReadOnlyList<string> Arguments, JsonObject Settings)
{
    /// <summary>What a setting that names a run folder takes.</summary>
    internal const string Allowed = "a run folder of polder finetune";

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
                json["settings"]!.AsObject());
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new DataException(path, $"is no configuration of a run: {e.Message}", e);
        }
    }
}
