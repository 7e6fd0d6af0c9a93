using System.Text.Json.Nodes;

namespace Polder.Experiments.Pages;

/// <summary>What is needed to make a result again.</summary>
internal static class RepeatPart
{
    /// <summary>The section of a run folder.</summary>
    /// <param name="run">The run.</param>
    /// <param name="result">Its result; null where it is not finished.</param>
    /// <param name="settings">What matters most of its settings.</param>
    public static PageSection Of(RunFolder run, JsonObject? result, IReadOnlyList<(string Name, string Value)> settings)
    {
        RunConfiguration configuration = run.Configuration;
        return Of(configuration.Version, configuration.Arguments, settings, result?["environment"] as JsonObject, configuration.Settings);
    }

    /// <summary>The section of a result's file.</summary>
    /// <param name="result">The result.</param>
    public static PageSection Of(JsonObject result) => Of(
        ResultFile.Text(result, "polder") ?? "", ResultFile.Arguments(result), [], result["environment"] as JsonObject, result["settings"] as JsonObject);

    /// <summary>The last line of a page.</summary>
    /// <param name="version">The version that made the result.</param>
    /// <param name="path">Where it is.</param>
    public static string Footer(string version, string path) =>
        $"polder {version}; {path}. The page needs no network; what it shows is in it as JSON (polder-result). Charts by Chart.js, MIT licence.";

    private static PageSection Of(
        string version, IReadOnlyList<string> arguments, IReadOnlyList<(string Name, string Value)> settings, JsonObject? environment, JsonObject? all)
    {
        List<(string, string)> entries = [.. settings, ("polder", version)];
        foreach ((string name, JsonNode? value) in environment ?? [])
            if (value is not null)
                entries.Add((name, value.ToString()));
        List<PageBlock> blocks = [new PageCode("command", Words.CommandLine(arguments)), new PageEntries(entries)];
        if (all is not null)
            blocks.Add(new PageCode("settings", ResultJson.Text(all).TrimEnd()) { Folded = "Every setting, as JSON" });
        return new PageSection("To make it again", blocks) { ShortTitle = "Repeat" };
    }
}
