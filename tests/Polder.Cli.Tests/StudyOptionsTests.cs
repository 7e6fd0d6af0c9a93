using Polder.Cli.Hosting;
using Polder.Cli.Output;
using Spectre.Console.Testing;

namespace Polder.Cli.Tests;

/// <summary>What a folder of many runs refuses: whatever would mix runs that are not of one comparison.</summary>
public sealed class StudyOptionsTests(StudyOptionsTests.Kept kept) : IClassFixture<StudyOptionsTests.Kept>
{
    [Theory]
    [InlineData("--learning-rate: found 0.5, allowed: 0.03, which", "--join", "DIR", "--learning-rate", "0.5")]
    [InlineData("--budget: found gradients, allowed: epochs, which", "--join", "DIR", "--budget", "gradients")]
    [InlineData("--threads: found 2, allowed: 1, which", "--join", "DIR", "--threads", "2")]
    [InlineData("--seeds: found 0,1,2, allowed: 0,1, with which", "--join", "DIR", "--seeds", "0..2")]
    [InlineData("--methods: found sam, allowed: base,nso, with which", "--join", "DIR", "--methods", "base,sam")]
    [InlineData("--methods: found nso with sigma 0.05, allowed: sigma 0.03, with which", "--join", "DIR", "--sigma", "0.05")]
    [InlineData("--join: found DIR, allowed: only without --resume", "--join", "DIR", "--resume", "DIR")]
    [InlineData("--epochs: found 7, allowed: 1, which", "--resume", "DIR", "--epochs", "7")]
    [InlineData("--methods: found nso with sigma 0.5, allowed: sigma 0.03, with which", "--resume", "DIR", "--methods", "base,nso", "--sigma", "0.5")]
    [InlineData("--sigma: found 0.5, allowed: only with", "--resume", "DIR", "--methods", "sam", "--sigma", "0.5")]
    [InlineData("--methods: found nso+sigma=0.03, allowed: settings that differ from nso's", "--resume", "DIR", "--methods", "nso+sigma=0.03")]
    [InlineData("--resume: found DIR, allowed: only without --out", "--resume", "DIR", "--out", "elsewhere")]
    [InlineData("--jobs: found 0, allowed: a whole number between 1 and 1024", "--resume", "DIR", "--jobs", "0")]
    [InlineData("--take-over-after: found 0.5, allowed: a number >= 1", "--resume", "DIR", "--take-over-after", "0.5")]
    [InlineData("--resume: found UP, which has no config.json, allowed: a run folder of polder compare", "--resume", "UP")]
    [InlineData("--join: found UP, which is not empty, allowed: a run folder, or a folder that does not exist or is empty", "--join", "UP", "--data",
        "digits", "--arch", "digits-cnn", "--per-class", "4", "--epochs", "1", "--threads", "1")]
    public void What_contradicts_the_folder_is_refused_by_its_name(string words, params string[] arguments)
    {
        (int code, string messages) = Run(["compare", "--quiet", .. arguments.Select(Place)]);
        Assert.StartsWith($"polder: {words.Replace("DIR", kept.Folder).Replace("UP", kept.Above)}", messages.Replace("\"", ""));
        Assert.Equal(2, code);
        Assert.Equal(1, messages.Count(c => c == '\n'));
        Assert.Equal(kept.Configuration, File.ReadAllText(Path.Combine(kept.Folder, "config.json")));
        Assert.Equal(4, Directory.GetFiles(Path.Combine(kept.Folder, "cells")).Length);
    }

    [Fact]
    public void A_folder_is_of_one_command()
    {
        (int code, string messages) = Run("tune", "--resume", kept.Folder, "--quiet");
        Assert.StartsWith($"polder: --resume: found {kept.Folder}, a run of compare, allowed: a run folder of polder tune", messages);
        Assert.Equal(2, code);
    }

    [Fact]
    public void What_agrees_with_the_folder_is_no_contradiction()
    {
        (int code, string messages) = Run("compare", "--join", kept.Folder, "--seeds", "0,1", "--methods", "base,nso", "--sigma", "0.030", "--epochs", "1",
            "--quiet");
        Assert.Equal((0, ""), (code, messages));
    }

    private string Place(string word) => word == "DIR" ? kept.Folder : word == "UP" ? kept.Above : word;

    private static (int Code, string Messages) Run(params string[] arguments)
    {
        using TestConsole results = new TestConsole().Width(400), messages = new TestConsole().Width(400);
        int code = new CommandHost(new Consoles(results, messages, Live: false), CommandList.All).Run(arguments, default);
        return (code, messages.Output);
    }

    /// <summary>A finished comparison.</summary>
    public sealed class Kept : IDisposable
    {
        public Kept()
        {
            (int code, string messages) = Run("compare", "--data", "digits", "--arch", "digits-cnn", "--per-class", "4", "--epochs", "1", "--methods",
                "base,nso", "--sigma", "0.03", "--seeds", "0..1", "--threads", "1", "--out", Folder, "--quiet");
            Assert.Equal((0, ""), (code, messages));
            Configuration = File.ReadAllText(Path.Combine(Folder, "config.json"));
        }

        public string Above { get; } = Directory.CreateTempSubdirectory("polder-options-").FullName;

        public string Folder => Path.Combine(Above, "run");

        public string Configuration { get; }

        public void Dispose() => Directory.Delete(Above, recursive: true);
    }
}
