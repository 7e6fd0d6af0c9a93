using System.Text.Json.Nodes;
using Polder.Settings;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Tests.Data;

namespace Polder.Vision.Tests.Classifiers;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Numbers_go_on_after_the_largest_and_two_programs_never_get_the_same()
    {
        string root = Path.Combine(_folder.Path, "runs");
        Directory.CreateDirectory(Path.Combine(root, "finetune-7"));
        Directory.CreateDirectory(Path.Combine(root, "finetune-old"));
        Assert.Equal(Path.Combine(root, "finetune-8"), RunFolder.CreateNext(root, "finetune").Path);
        Assert.Equal(Path.Combine(root, "compare-1"), RunFolder.CreateNext(root, "compare").Path);
        string[] made = new string[24];
        Parallel.For(0, made.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => made[i] = RunFolder.CreateNext(root, "tune").Path);
        Assert.Equal(made.Length, made.Distinct().Count());
    }

    [Fact]
    public void What_is_there_is_never_overwritten()
    {
        string used = Path.Combine(_folder.Path, "used");
        Directory.CreateDirectory(used);
        Assert.Equal(used, RunFolder.Create(used).Path);
        File.WriteAllText(Path.Combine(used, "note.txt"), "mine");
        Assert.Equal($"out: found {used}, which is not empty, allowed: a folder that does not exist or is empty",
            Assert.Throws<SettingException>(() => RunFolder.Create(used)).Message);
        Assert.Contains("the file", Assert.Throws<SettingException>(() => RunFolder.Create(Path.Combine(used, "note.txt"))).Message);
    }

    [Fact]
    public void A_folder_that_is_no_run_is_refused_by_what_it_lacks()
    {
        Assert.Contains("is no folder", Assert.Throws<SettingException>(() => RunFolder.Open(Path.Combine(_folder.Path, "none"))).Message);
        Assert.Contains("has no config.json", Assert.Throws<SettingException>(() => RunFolder.Open(_folder.Path)).Message);

        RunFolder run = RunFolder.CreateNext(_folder.Path, "finetune");
        run.WriteConfiguration(Configuration("compare"));
        Assert.Contains("a run of compare", Assert.Throws<SettingException>(() => RunFolder.Open(run.Path)).Message);
        run.WriteConfiguration(Configuration("finetune"));
        Assert.Contains("stopped before its first validation", Assert.Throws<SettingException>(() => RunFolder.Open(run.Path)).Message);
        RunFolder unfinished = RunFolder.OpenUnfinished(run.Path);
        Assert.Equal(("0.1.0", "finetune", 4, null),
            (unfinished.Configuration.Version, unfinished.Configuration.Command, unfinished.Setting<int?>("epochs"), unfinished.Setting<string>("weights")));
        Assert.Contains("settings.epochs is 4, not of the type", Assert.Throws<DataException>(() => unfinished.Setting<string>("epochs")).Message);

        File.WriteAllText(run.ConfigurationFile, "{ \"polder\": 1 ");
        Assert.Contains("is no configuration of a run", Assert.Throws<DataException>(() => RunFolder.OpenUnfinished(run.Path)).Message);
    }

    [Theory]
    [InlineData("training", null, new[] { "train" })]
    [InlineData("all", null, new[] { "train", "validation" })]
    [InlineData("all", """{ "best": { "epoch": 0 } }""", new[] { "train", "validation" })]
    [InlineData("all", """{ "best": { "epoch": 3 } }""", new[] { "train" })]
    [InlineData("all", """{ "best": 3 }""", new[] { "train", "validation" })]
    [InlineData("all", "{", new[] { "train", "validation" })]
    public void Validation_images_are_fitted_to_where_the_head_of_all_images_is_kept(string images, string? result, string[] expected)
    {
        RunFolder run = RunFolder.CreateNext(_folder.Path, "finetune");
        JsonObject configuration = Configuration("finetune");
        configuration["settings"]!["headImages"] = images;
        run.WriteConfiguration(configuration);
        if (result is not null)
            File.WriteAllText(run.Result, result);
        Assert.Equal(expected, RunFolder.OpenUnfinished(run.Path).FittedParts);
    }

    [Theory]
    [InlineData("none", """{ "best": { "epoch": 3 } }""", new[] { "train" })]
    [InlineData("all", """{ "best": { "epoch": 3 } }""", new[] { "train", "validation" })]
    [InlineData("all", """{ "best": { "epoch": 0 } }""", new[] { "train" })] // the fitted head, of training images here
    [InlineData("all", null, new[] { "train", "validation" })]
    public void Validation_images_are_fitted_to_where_the_training_was_made_once_more(string refit, string? result, string[] expected)
    {
        RunFolder run = RunFolder.CreateNext(_folder.Path, "finetune");
        JsonObject configuration = Configuration("finetune");
        (configuration["settings"]!["headImages"], configuration["settings"]!["refit"]) = ("training", refit);
        run.WriteConfiguration(configuration);
        if (result is not null)
            File.WriteAllText(run.Result, result);
        Assert.Equal(expected, RunFolder.OpenUnfinished(run.Path).FittedParts);
    }

    private static JsonObject Configuration(string command) => new()
    {
        ["polder"] = "0.1.0",
        ["command"] = new JsonArray(command, "--epochs", "4"),
        ["settings"] = new JsonObject { ["epochs"] = 4, ["weights"] = null },
    };
}
