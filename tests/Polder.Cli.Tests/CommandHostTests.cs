using System.Text.Json.Nodes;
using Polder.Checkpoints.IO;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Experiments.Reports;
using Polder.Machine;

namespace Polder.Cli.Tests;

public class CommandHostTests
{
    [Fact]
    public void A_command_line_needs_the_command_that_it_begins_with_or_all()
    {
        Assert.All(CommandList.All, command => Assert.Equal(command.GetType(), Assert.Single(CommandList.For([command.Name, "--help"])).GetType()));
        string[][] others = [[], ["--help"], ["help", "inspect"], ["inspekt"]];
        Assert.All(others, line => Assert.Equal(CommandList.All.Select(c => c.Name), CommandList.For(line).Select(c => c.Name)));
    }

    [Theory]
    [InlineData("--sigma -1", "polder: --sigma: found -1, allowed: a number >= 0")]
    [InlineData("--sigma x", "polder: --sigma: found x, allowed: a number >= 0")]
    [InlineData("--sigma NaN", "polder: --sigma: found NaN, allowed: a number >= 0")]
    [InlineData("--sigma", "polder: --sigma: found nothing, allowed: a number >= 0")]
    [InlineData("--pairs 1.5", "polder: --pairs: found 1.5, allowed: a whole number >= 1")]
    [InlineData("--pairs 1 --pairs 2", "polder: --pairs: found 2 values, allowed: one: a whole number >= 1")]
    [InlineData("--methods nso,nsoo", "polder: --methods: found nso,nsoo, allowed: distinct names of base, wp, nso, sam, or all")]
    [InlineData("--optimizer lion", "polder: --optimizer: found lion, allowed: sgd, adam, adamw")]
    [InlineData("--seeds 4..0", "polder: --seeds: found 4..0, allowed: distinct whole numbers >= 0, as a range 0..4 or a list 0,3,7")]
    [InlineData("--plot x.pdf", "polder: --plot: found x.pdf, allowed: a file name that ends in .svg or .png")]
    [InlineData("--sgima 1", "polder: --sgima: no option of polder probe, did you mean --sigma? see polder probe --help")]
    [InlineData("stray", "polder: stray: polder probe takes no such argument, see polder probe --help")]
    [InlineData("--json /no/such/folder/x.json", "polder: --json: found /no/such/folder/x.json, allowed: a file in a folder that exists, or -")]
    [InlineData("--csv /no/such/folder/x.csv", "polder: --csv: found /no/such/folder/x.csv, allowed: a file in a folder that exists")]
    [InlineData("--device cpu", "polder: --device: no option of polder probe, see polder probe --help")]
    [InlineData("--plot /no/such/folder/x.svg", "polder: --plot: found /no/such/folder/x.svg, allowed: a file in a folder that exists")]
    public void Wrong_input_is_one_line_and_exit_code_2(string options, string line)
    {
        bool ran = false;
        Outcome outcome = Outcome.Of((_, _) => ran = true, ["probe", .. options.Split(' ')]);

        Assert.Equal((2, "", line + "\n", false), (outcome.ExitCode, outcome.Output, outcome.Error, ran));
    }

    [Fact]
    public void An_unknown_command_names_the_nearest() =>
        Assert.Equal("polder: prob: no command of polder, did you mean probe? allowed: probe\n", Outcome.Of((_, _) => { }, "prob").Error);

    [Fact]
    public void Values_reach_the_command()
    {
        Outcome outcome = Outcome.Of(
            (context, probe) =>
            {
                Assert.Equal(0.5, context.Get(probe.Sigma));
                Assert.Equal([7L, 0L, 1L], context.Get(probe.Seeds));
                Assert.Equal(["sam", "base"], context.Get(probe.Methods));
                Assert.Null(context.Get(probe.LearningRate));
                Assert.True(context.IsGiven(probe.Sigma));
                Assert.False(context.IsGiven(probe.Pairs));
            },
            "probe", "--sigma=0.5", "--seeds", "7,0..1", "--methods", "sam,base");
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void Json_to_standard_output_is_one_object_and_nothing_else()
    {
        Outcome outcome = Outcome.Of(
            (context, probe) =>
            {
                context.Output.Result("a table for people");
                context.SetEffective(probe.LearningRate, 0.1);
                context.Finish(new Result(new { BestLoss = double.NaN, Counts = new[] { 1, 2 } }) { Blocks = ["a line for people"] });
            },
            "probe", "--json", "-");

        JsonObject json = outcome.Json;
        Assert.Equal(["polder", "command", "settings", "environment", "seconds", "bestLoss", "counts"], json.Select(m => m.Key));
        Assert.Equal(["probe", "--json", "-"], json["command"]!.AsArray().Select(n => (string)n!));
        Assert.Equal(0.1, (double)json["settings"]!["learningRate"]!);
        Assert.Equal(0.01, (double)json["settings"]!["sigma"]!);
        Assert.Equal(["os", "processor", "threads", "libtorch"], json["environment"]!.AsObject().Select(m => m.Key));
        Assert.Null(json["bestLoss"]);
        Assert.True((double)json["seconds"]! >= 0);
    }

    [Fact]
    public void A_csv_file_has_the_raw_values_of_every_table()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string file = Path.Combine(folder, "x.csv");
            Outcome outcome = Outcome.Of(
                (context, _) => context.Finish(new Result(new { })
                {
                    Blocks =
                    [
                        new ResultTable("first", ["a name", new("share, %", "share", "deviation")],
                            [["x, \"y\"", ResultCell.Percent(1.0 / 3, double.NaN)], ["z", ResultCell.Percent(0.25, 0.5)]]),
                        new ResultTable("second", ["a name", new("n")], [["line\nbreak", 1_234_567]]) { In = ResultPlace.Programs },
                        new ResultTable("third", ["seen"], [["by people"]]) { In = ResultPlace.People },
                    ],
                }),
                "probe", "--csv", file);
            Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
            Assert.Equal(
                "table,aName,share,deviation,n\r\nfirst,\"x, \"\"y\"\"\",0.3333333333333333,,\r\nfirst,z,0.25,0.5,\r\nsecond,\"line\nbreak\",,,1234567\r\n",
                File.ReadAllText(file));
            Assert.Contains("33.3", outcome.Output);
            Assert.DoesNotContain("1234567", outcome.Output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_run_folder_holds_settings_and_result_and_is_never_overwritten()
    {
        string folder = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
        try
        {
            Action<CommandContext, ProbeCommand> work = (context, probe) =>
            {
                context.CreateRunFolder(context.Get(probe.Out));
                context.Finish(new Result(new { Accuracy = 0.5 }));
            };
            Assert.Equal(0, Outcome.Of(work, "probe", "--out", folder).ExitCode);
            Assert.Equal(["config.json", "result.json"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
            Outcome second = Outcome.Of(work, "probe", "--out", folder);
            Assert.Equal((2, $"polder: --out: found {folder}, which is not empty, allowed: a folder that does not exist or is empty\n"),
                (second.ExitCode, second.Error));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_stop_is_130_with_what_was_kept()
    {
        using var source = new CancellationTokenSource();
        Outcome outcome = Outcome.Of(
            (context, _) =>
            {
                source.Cancel();
                Assert.True(context.Cancellation.IsCancellationRequested);
                throw new StoppedException("epoch 3 is in runs/x");
            },
            source.Token, "probe");
        Assert.Equal((130, "polder: stopped: epoch 3 is in runs/x\n"), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void A_defect_is_1_with_its_stack_trace()
    {
        Outcome outcome = Outcome.Of((_, _) => throw new InvalidOperationException("broken"), "probe");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("please report", outcome.Error);
        Assert.Contains("at Polder.Cli.Tests.CommandHostTests", outcome.Error);
    }

    [Fact]
    public void What_an_option_of_the_library_refuses_is_wrong_input()
    {
        Outcome outcome = Outcome.Of((_, _) => ConvolutionCheck.Of(ConvolutionShape.Square(0, 4)), "probe");
        Assert.Equal((2, "polder: InChannels must be at least 1 and a multiple of the 1 groups, found 0\n"), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void An_argument_exception_of_dotnet_is_a_defect() =>
        Assert.Equal(1, Outcome.Of((_, _) => new List<int>().RemoveAt(3), "probe").ExitCode);

    [Fact]
    public void A_failed_write_names_the_file_and_leaves_nothing()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string file = Path.Combine(folder, "x");
            Outcome outcome = Outcome.Of((_, _) => AtomicFile.Write(file, _ => throw new IOException("No space left on device")), "probe");
            Assert.Equal((2, $"polder: {file}: cannot be written: No space left on device\n"), (outcome.ExitCode, outcome.Error));
            Assert.Empty(Directory.GetFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    [Fact]
    public void Help_shows_every_option_with_default_and_allowed_values()
    {
        string help = Outcome.Of((_, _) => { }, "probe", "--help").Output.Replace("\n", " ");
        Assert.Contains("default: 0.01", help);
        Assert.Contains("default: by --arch", help);
        Assert.Contains("default: 0..2", help);
        foreach (string name in new[] { "--sigma", "--json", "--quiet", "--verbose", "--help" })
            Assert.Contains(name, help);
    }

    [Fact]
    public void Help_of_a_narrow_terminal_stays_inside()
    {
        var probe = new ProbeCommand((_, _) => { });
        probe.AddCommon();
        IEnumerable<string> lines = HelpPage.Lines(probe, 60);
        Assert.All(lines, line => Assert.True(line.Length <= 60, line));
    }

    [Fact]
    public void Warnings_come_with_quiet_and_the_why_only_with_verbose()
    {
        static void Work(CommandContext context, ProbeCommand probe)
        {
            context.Output.Warn("careful");
            context.Output.Info("news");
            context.Output.Verbose("because");
        }

        Assert.Equal("polder: warning: careful\nnews\n", Outcome.Of(Work, "probe").Error);
        Assert.Equal("polder: warning: careful\n", Outcome.Of(Work, "probe", "--quiet").Error);
        Assert.Equal("polder: warning: careful\nnews\nbecause\n", Outcome.Of(Work, "probe", "--verbose").Error);
    }
}
