using System.Text.Json.Nodes;

namespace Polder.Experiments.Pages;

/// <summary>Makes the page of whatever a command of the program has left: a run folder, a JSON result, or a folder of them.</summary>
public static class ReportPages
{
    /// <summary>The name of a folder's page.</summary>
    public const string FileName = "report.html";

    private const string Allowed =
        "a run folder, the file that --json of evaluate, compare, tune, hessian, stability, landscape, bound, converge, penalty, sense, "
            + "sense-fair or valleys wrote, or a folder of them";

    private static readonly Dictionary<string, Func<JsonObject, string, Page>> Studies = new()
    {
        ["converge"] = ConvergencePage.Of,
        ["penalty"] = PenaltyPage.Of,
        ["sense"] = SensingPage.Of,
        ["sense-fair"] = FairSensingPage.Of,
        ["valleys"] = ValleyPage.Of,
    };

    /// <summary>Where the page of something lies unless another place is named: in the folder, or beside the file.</summary>
    /// <param name="path">The folder or file.</param>
    public static string PlaceOf(string path) => Directory.Exists(path) ? Path.Combine(path, FileName) : Path.ChangeExtension(path, ".html");

    /// <summary>Makes the page of a folder or file.</summary>
    /// <param name="path">A run folder, the JSON file of a result, or a folder of such.</param>
    /// <param name="pictures">Whether the page has the pictures of a run. Default: yes.</param>
    /// <param name="splits">The images of the run where they are at hand, as it was trained on them; null: they are read where the run found them.</param>
    /// <exception cref="DataException">There is no such path, nothing in it has a page, or a file is damaged.</exception>
    public static Page Of(string path, bool pictures = true, DataSplits? splits = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path))
            return OfResult(ResultFile.Read(path), path, path);
        if (!Directory.Exists(path))
            throw new DataException(path, $"there is no such folder or file; allowed: {Allowed}");
        if (RunFolder.IsBegun(path))
            return OfRun(path, pictures, splits);
        // A result that was written into a folder of its own.
        string[] files = Files(path);
        if (files.Length == 1 && Runs(path).Length == 0)
            return OfResult(ResultFile.Read(files[0]), files[0], files[0]);
        return Index(path, files, pictures);
    }

    private static Page OfRun(string path, bool pictures, DataSplits? splits)
    {
        RunFolder run = RunFolder.OpenAny(path);
        string? command = run.Configuration.Command;
        if (command == "finetune")
            return RunPage.Of(run, pictures ? new RunPictures(run, splits) : null);
        if (command == "study")
            return StudyPage.Of(run);
        return File.Exists(run.Result) ? OfResult(ResultFile.Read(run.Result), run.Result, path)
            : throw new DataException(path, $"has no result.json: the {command} is not finished (polder {command} --resume {path} goes on)");
    }

    private static Page OfResult(JsonObject result, string file, string place) => ResultFile.Command(result) switch
    {
        "compare" => ComparisonPage.Of(result, file, place),
        "tune" => TuningPage.Of(result, file, place),
        "evaluate" => EvaluationPage.Of(result, file),
        "finetune" => throw new DataException(file, $"is the result of a run, whose page is made from its folder: polder report {Path.GetDirectoryName(file)}"),
        "study" => throw new DataException(file, $"is the result of a study, whose page is made from its folder: polder report {Path.GetDirectoryName(file)}"),
        { } command when Studies.TryGetValue(command, out var page) => page(result, file),
        { } command when ResultFile.Measurements.Contains(command) => MeasurementPart.PageOf(result, file),
        var command => throw new DataException(file, $"is a result of polder {command}, of which there is no page; allowed: {Allowed}"),
    };

    private static Page Index(string path, string[] files, bool pictures)
    {
        IndexPage.Entry[] entries = [.. Runs(path).Concat(files).Select(entry => EntryOf(path, entry, pictures))];
        return entries.Length > 0 ? IndexPage.Of(path, entries) : throw new DataException(path, $"holds no result; allowed: {Allowed}");
    }

    private static IndexPage.Entry EntryOf(string folder, string path, bool pictures)
    {
        string name = Path.GetRelativePath(folder, path), place = PlaceOf(path);
        JsonObject? result = null;
        try
        {
            string file = Directory.Exists(path) ? Path.Combine(path, "result.json") : path;
            result = File.Exists(file) ? ResultFile.Read(file) : null;
            // A run that is not finished has pages that change.
            if (!File.Exists(place) || result is null)
                Of(path, pictures).Write(place);
            return new IndexPage.Entry(name, LinkTo(folder, place), result, result is null ? "not finished" : "");
        }
        catch (Exception e) when (e is DataException or IOException or UnauthorizedAccessException or SettingException
            or Polder.Checkpoints.CheckpointException)
        {
            return new IndexPage.Entry(name, File.Exists(place) ? LinkTo(folder, place) : null, result, e.Message);
        }
    }

    private static string LinkTo(string folder, string place) =>
        string.Join('/', Path.GetRelativePath(folder, place).Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));

    private static string[] Runs(string folder) =>
        [.. Directory.EnumerateDirectories(folder).Where(RunFolder.IsBegun).Order(NaturalOrder)];

    // JSON that is no result of a command that has a page is passed over, unless it is all there is.
    private static string[] Files(string folder)
    {
        string[] all = [.. Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal)];
        string[] results = [.. all.Where(IsResult)];
        return results.Length == 0 && all.Length == 1 && Runs(folder).Length == 0 ? all : results;
    }

    private static bool IsResult(string file)
    {
        try
        {
            string command = ResultFile.Command(ResultFile.Read(file))!;
            return command is "compare" or "tune" or "evaluate" || ResultFile.Measurements.Contains(command) || Studies.ContainsKey(command);
        }
        catch (DataException)
        {
            return false;
        }
    }

    private static readonly Comparer<string> NaturalOrder = Comparer<string>.Create((a, b) =>
        a.Length != b.Length && StemOf(a) == StemOf(b) ? a.Length.CompareTo(b.Length) : string.CompareOrdinal(a, b));

    private static string StemOf(string name) => name.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
}
