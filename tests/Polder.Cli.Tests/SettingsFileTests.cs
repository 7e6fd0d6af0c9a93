using System.Text.Json.Nodes;

namespace Polder.Cli.Tests;

public sealed class SettingsFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-settings-").FullName;

    private string Settings => Path.Combine(_folder, "settings.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("{\"sgima\": 1}",
        "sgima: no setting of polder probe, allowed: sigma, or another option of polder probe --help, written as learningRate for --learning-rate")]
    [InlineData("{\"learning-rate\": 1}", "learning-rate: no setting of polder probe, allowed: learningRate, "
        + "or another option of polder probe --help, written as learningRate for --learning-rate")]
    [InlineData("{\"sigma\": \"0.1\"}", "sigma: found \"0.1\", allowed: a number >= 0")]
    [InlineData("{\"sigma\": -1}", "sigma: found -1, allowed: a number >= 0")]
    [InlineData("{\"sigma\": [1]}", "sigma: found [1], allowed: a number >= 0")]
    [InlineData("{\"pairs\": 1.5}", "pairs: found 1.5, allowed: a whole number >= 1")]
    [InlineData("{\"learningRate\": true}", "learningRate: found true, allowed: a number >= 0")]
    [InlineData("{\"optimizer\": \"lion\"}", "optimizer: found \"lion\", allowed: sgd, adam, adamw")]
    [InlineData("{\"optimizer\": 3}", "optimizer: found 3, allowed: sgd, adam, adamw")]
    [InlineData("{\"frozen\": 1}", "frozen: found 1, allowed: true, false")]
    [InlineData("{\"methods\": [\"nso\", \"no\"]}", "methods: found [\"nso\", \"no\"], allowed: distinct names of base, wp, nso, sam, or all")]
    [InlineData("{\"methods\": {\"nso\": 1}}", "methods: found {\"nso\": 1}, allowed: distinct names of base, wp, nso, sam, or all")]
    [InlineData("{\"quiet\": true}", "quiet: found true, allowed: only on the command line, as --quiet")]
    [InlineData("{\"pairs\": 2, \"pairs\": 3}", "pairs: found twice, allowed: once")]
    [InlineData("[1, 2]", "found [1, 2], allowed: an object of settings")]
    [InlineData("{\"command\": [\"other\"], \"settings\": {}}", "command: found \"other\", allowed: \"probe\": the file is of another command's run")]
    public void What_is_wrong_is_one_line_that_names_file_member_and_allowed_values(string json, string words)
    {
        File.WriteAllText(Settings, json);
        Outcome outcome = Configured((_, _) => Assert.Fail("it was taken"));
        Assert.Equal((2, "", $"polder: {Settings}: {words}\n"), (outcome.ExitCode, outcome.Output, outcome.Error));
    }

    [Fact]
    public void The_device_of_version_0_1_0_says_nothing()
    {
        File.WriteAllText(Settings, """{ "polder": "0.1.0", "command": ["probe"], "settings": { "sigma": 0.5, "device": "cpu" } }""");
        Outcome outcome = Configured((context, probe) => Assert.Equal(0.5, context.Get(probe.Sigma)));
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
    }

    [Theory]
    [InlineData("{\"device\": \"cuda\"}")]
    [InlineData("{\"device\": 0}")]
    public void Another_device_is_no_setting(string json)
    {
        File.WriteAllText(Settings, json);
        Assert.StartsWith($"polder: {Settings}: device: no setting of polder probe", Configured((_, _) => Assert.Fail("it was taken")).Error);
    }

    [Fact]
    public void A_file_that_is_none_is_named()
    {
        Assert.Equal(
            $"polder: --config: found {Settings}, which is no file, allowed: a JSON file of settings, such as the config.json of a run folder\n",
            Configured((_, _) => { }).Error);
        File.WriteAllText(Settings, "{ \"sigma\": ");
        Outcome outcome = Configured((_, _) => { });
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith($"polder: {Settings}: is no JSON file of settings: ", outcome.Error);
        Assert.Equal(outcome.Error.Length - 1, outcome.Error.IndexOf('\n'));
    }

    [Fact]
    public void Values_of_every_kind_are_taken_and_those_typed_win()
    {
        File.WriteAllText(Settings, """
            {
                // Comments are allowed.
                "sigma": 0.5, "pairs": 3, "seeds": [7, 0, 1], "methods": ["sam", "base"], "learningRate": 1e-3, "optimizer": "adam", "frozen": true,
                    "out": null,
            }
            """);
        Outcome outcome = Configured(
            (context, probe) =>
            {
                Assert.Equal((0.5, 4, 1e-3, "adam"),
                    (context.Get(probe.Sigma), context.Get(probe.Pairs), context.Get(probe.LearningRate), context.Get(probe.Optimizer)));
                Assert.Equal([7L, 0L, 1L], context.Get(probe.Seeds));
                Assert.Equal(["sam", "base"], context.Get(probe.Methods));
                Assert.True(context.Get(probe.Frozen));
                Assert.True(context.IsGiven(probe.Sigma));
                Assert.Null(context.Get(probe.Out));
                context.Finish(new Experiments.Reports.Result(new { }));
            },
            "--pairs", "4", "--json", "-");
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        JsonObject settings = outcome.Json["settings"]!.AsObject();
        Assert.Equal((0.5, 4), ((double)settings["sigma"]!, (int)settings["pairs"]!));
        // As if all had been typed, so that a run goes on without the file.
        Assert.Equal(
            ["probe", "--sigma", "0.5", "--seeds", "7,0,1", "--methods", "sam,base", "--learning-rate", "0.001", "--optimizer", "adam", "--frozen", "--pairs=4",
                "--json=-"],
            outcome.Json["command"]!.AsArray().Select(a => (string)a!));
    }

    [Fact]
    public void The_configuration_of_a_run_says_what_its_options_were_but_not_where_it_went()
    {
        string run = Path.Combine(_folder, "run");
        Assert.Equal(0, Outcome.Of((context, probe) => context.CreateRunFolder(context.Get(probe.Out)), "probe", "--pairs", "2", "--out", run,
            "--quiet").ExitCode);
        File.Move(Path.Combine(run, "config.json"), Settings);
        Outcome outcome = Configured((context, probe) =>
        {
            Assert.Equal(2, context.Get(probe.Pairs));
            Assert.Null(context.Get(probe.Out));
            // A default in the file is no option that somebody chose: others may forbid it.
            Assert.False(context.IsGiven(probe.Sigma));
        });
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void What_does_not_go_with_the_command_line_is_left_out()
    {
        File.WriteAllText(Settings, "{\"sigma\": 0.5, \"pairs\": 3}");
        var command = new ProbeCommand((context, probe) => Assert.Equal((0.01, 3), (context.Get(probe.Sigma), context.Get(probe.Pairs))))
        {
            Takes = (probe, option) => option != probe.Sigma,
        };
        Outcome outcome = Outcome.Of([command], 200, default, "probe", "--config", Settings, "--verbose");
        Assert.Equal((0, $"{Settings}: sigma is left out: the command line says otherwise\n"), (outcome.ExitCode, outcome.Error));
    }

    private Outcome Configured(Action<Hosting.CommandContext, ProbeCommand> work, params string[] more) =>
        Outcome.Of(work, ["probe", "--config", Settings, .. more]);
}
