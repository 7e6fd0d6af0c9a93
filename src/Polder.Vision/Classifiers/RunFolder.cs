using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Vision.Classifiers;

/// <summary>The folder of a run: the names of its files, and how they are written and read. What an earlier run wrote is never overwritten.</summary>
public sealed class RunFolder
{
    private const string ConfigurationName = "config.json";

    // Owned by who asked for it.
    private WeakReference<FileStream>? _hold;

    private RunFolder(string path) => Path = path;

    /// <summary>The folder as it was named.</summary>
    public string Path { get; }

    /// <summary>The settings, seed, versions and command of the run.</summary>
    public string ConfigurationFile => In(ConfigurationName);

    /// <summary>One object an epoch.</summary>
    public string Metrics => In("metrics.jsonl");

    /// <summary>The weights of the best epoch or, where there was one, of the training on all images after it.</summary>
    public string Best => In("best.safetensors");

    /// <summary>The standard deviations of the posterior around the best weights, by the parameters' names; only methods that keep one have it.</summary>
    public string Posterior => In("posterior.safetensors");

    /// <summary>Everything that the rest of the training depends on.</summary>
    public string ResumeFile => In("last", "training.safetensors");

    /// <summary>The weights that the training began with, where it may begin once more (<see cref="Recipes.Refit"/>).</summary>
    internal string StartFile => In("last", "start.safetensors");

    /// <summary>What <see cref="ResumeFile"/> is to the first training, for the one on all images.</summary>
    internal string RefitStateFile => In("last", "refit.safetensors");

    /// <summary>Which images it was made with, and in which part each was.</summary>
    public string ImagesFile => In("images.json.gz");

    /// <summary>What <see cref="ImagesFile"/> says; null where there is none: an earlier version made the run, or it was stopped before it began.</summary>
    /// <exception cref="DataException">The file is damaged.</exception>
    public RunImages? Images => field ??= File.Exists(ImagesFile) ? RunImages.Read(ImagesFile) : null;

    /// <summary>What the network said of each image.</summary>
    public string PredictionsFile => In("predictions.json.gz");

    /// <summary>What <see cref="PredictionsFile"/> says; null where there is none: an earlier version made the run, or it was not asked for.</summary>
    /// <exception cref="DataException">The file is damaged.</exception>
    public RunPredictions? Predictions => field ??= File.Exists(PredictionsFile) ? RunPredictions.Read(PredictionsFile) : null;

    /// <summary>The page for people.</summary>
    public string Page => In("report.html");

    /// <summary>The finished runs of a comparison or a tuning.</summary>
    public string Cells => In("cells");

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

    /// <summary>
    /// The parts of its images that its weights were fitted to; those of an epoch are fitted to training images alone, unless it was trained again.
    /// </summary>
    public IReadOnlyList<string> FittedParts =>
        field ??= KeepsAnEpoch() is var epoch
            && ((epoch != false && Setting<string>("refit") == "all") || (epoch != true && Setting<string>("headImages") == "all"))
            ? ["train", "validation"] : ["train"];

    // null: nobody knows, and the more cautious answer is the right one.
    private bool? KeepsAnEpoch()
    {
        try
        {
            return File.Exists(Result) && JsonNode.Parse(File.ReadAllText(Result))?["best"]?["epoch"]?.GetValue<int>() is { } epoch ? epoch > 0 : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The path of a file of the run.</summary>
    /// <param name="names">Its name, with the folders above it.</param>
    public string In(params ReadOnlySpan<string> names) => System.IO.Path.Combine([Path, .. names]);

    /// <summary>A path of the run's settings: as it is where it is there, else below the directory that the run was begun in.</summary>
    /// <param name="path">A file or folder.</param>
    public string Locate(string path) =>
        File.Exists(path) || Directory.Exists(path) || Images is not { } images ? path : System.IO.Path.Combine(images.Directory, path);

    /// <summary>Keeps other processes from training into the folder, until it is disposed of or this process ends in whatever way.</summary>
    /// <exception cref="DataException">Another process does.</exception>
    public IDisposable Hold()
    {
        if (_hold?.TryGetTarget(out FileStream? held) == true && held.CanWrite)
            return Stream.Null; // held for longer already
        string file = In("last", "lock");
        Directory.CreateDirectory(In("last"));
        try
        {
            var stream = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            _hold = new(stream);
            return stream;
        }
        catch (IOException e) when (File.Exists(file))
        {
            throw new DataException(Path, $"is being trained by another process, which holds {file}: two must not write one run", e);
        }
    }

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
    /// <exception cref="DataException">It is no run folder of a fine-tuning, or was left before the first validation.</exception>
    public static RunFolder Open(string path)
    {
        RunFolder run = OpenUnfinished(path);
        if (!File.Exists(run.Best))
            throw new SettingException("run", $"{path}, which has no {System.IO.Path.GetFileName(run.Best)}: it was stopped before its first validation",
                RunConfiguration.AllowedOf("finetune"));
        return run;
    }

    /// <summary>Opens the folder of a run, finished or not.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="setting">The setting that named it, for the message.</param>
    /// <param name="command">The command that made it. Default: a fine-tuning.</param>
    /// <exception cref="SettingException">It is no run folder of the command.</exception>
    /// <exception cref="DataException">Its configuration is damaged.</exception>
    public static RunFolder OpenUnfinished(string path, string setting = "run", string command = "finetune")
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var run = new RunFolder(path);
        if (!File.Exists(run.ConfigurationFile))
            throw new SettingException(setting, $"{path}, which {(Directory.Exists(path) ? $"has no {ConfigurationName}" : "is no folder")}",
                RunConfiguration.AllowedOf(command));
        if (run.Configuration.Command != command)
            throw new SettingException(setting, $"{path}, a run of {run.Configuration.Command ?? "another program"}", RunConfiguration.AllowedOf(command));
        return run;
    }

    /// <summary>Opens the folder of a run of whatever command, finished or not.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="DataException">It is no run folder, or its configuration is damaged.</exception>
    public static RunFolder OpenAny(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var run = new RunFolder(path);
        if (!File.Exists(run.ConfigurationFile))
            throw new DataException(path, $"has no {ConfigurationName}; allowed: a run folder");
        _ = run.Configuration;
        return run;
    }

    /// <summary>Whether a folder is that of a run, of whatever command.</summary>
    /// <param name="path">The folder.</param>
    public static bool IsBegun(string path) => File.Exists(new RunFolder(path).ConfigurationFile);

    /// <summary>The folder that several processes share, which is made where it is not there.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="SettingException">It holds something, but no run.</exception>
    /// <exception cref="DataException">It cannot be made.</exception>
    public static RunFolder Shared(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        const string allowed = "a run folder, or a folder that does not exist or is empty";
        if (File.Exists(path))
            throw new SettingException("join", $"the file {path}", allowed);
        // What another process is about to give its name begins with a dot.
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any(e => !System.IO.Path.GetFileName(e).StartsWith('.')) && !IsBegun(path))
            throw new SettingException("join", $"{path}, which is not empty", allowed);
        return new RunFolder(Make(path));
    }

    /// <summary>Writes the configuration where there is none: of several processes one does.</summary>
    /// <inheritdoc cref="WriteConfiguration" path="/param"/>
    /// <returns>Whether this call wrote it.</returns>
    public bool TryWriteConfiguration(JsonObject configuration) => AtomicFile.TryCreateText(ConfigurationFile, ResultJson.Text(configuration));

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
