using System.Text.Json.Nodes;
using Polder.Experiments.Cells;
using Polder.Experiments.Comparison;
using Polder.Experiments.Reports;
using Polder.Settings;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Experiments.Tests.Comparison;

/// <summary>A study that keeps its runs in a folder.</summary>
public sealed class StudyFolderTests(DigitsFixture fixture) : IClassFixture<DigitsFixture>, IDisposable
{
    private static readonly TrainingOptions Training = new() { LearningRate = 0.05, Epochs = 2, BatchSize = 10 };

    private readonly string _path = Directory.CreateTempSubdirectory("polder-study-").FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Fact]
    public void A_run_from_its_file_is_the_run_bit_for_bit()
    {
        // One that diverges, one whose curvature is not finite (NaN and nothing else would be JSON), and others.
        MethodChoice[] methods = [.. Choices("base", "nso"), MethodChoice.Create("nso").With("sigma", 1e30) with { Label = "far" }];
        var curvature = new WeightCurvatureOptions { RelativeError = 0.3, Tolerance = 0.1, Samples = 20 };
        ComparisonResult here = new ComparisonStudy(fixture.Task, methods, Training) { Curvature = curvature }.Execute([3, 8], Cancellation);
        ComparisonStudy kept = new(fixture.Task, methods, Training) { Curvature = curvature, Folder = new CellFolder(_path) };
        ComparisonResult first = kept.Execute([3, 8], Cancellation), second = kept.Execute([3, 8], Cancellation);

        Assert.Equal(2, first.Diverged.Count);
        Assert.Equal(JsonOf(first), JsonOf(second));
        Assert.Equal(WithoutTimes(JsonOf(here)), WithoutTimes(JsonOf(first)));
        foreach ((MethodRun a, MethodRun b) in here.Methods.SelectMany(m => m.Runs).Zip(first.Methods.SelectMany(m => m.Runs)))
        {
            Assert.Equal((a.TestLoss, a.ValidationLoss, a.TrainLoss), (b.TestLoss, b.ValidationLoss, b.TrainLoss));
            Assert.Equal(a.Test, b.Test);
            Assert.Equal((a.Curvature!.Trace.Value, a.Curvature.Trace.Exit, a.Curvature.TopEigenvalue), (b.Curvature!.Trace.Value, b.Curvature.Trace.Exit,
                b.Curvature.TopEigenvalue));
            Assert.Equal(a.Curvature.ByClass, b.Curvature.ByClass);
        }
    }

    [Fact]
    public void A_figure_that_is_no_number_stays_none()
    {
        var run = new MethodRun(1, 0.5, double.NaN, 0, 0, 0.1 + 0.2, 1, 2, 3, 1e-300, 0) { Test = new Dictionary<string, double> { ["kappa"] = double.NaN } };
        MethodRun read = StudyOutcome.Of(JsonNode.Parse(new StudyOutcome(run).ToJson().ToJsonString())!.AsObject()).Run!;
        Assert.Equal((double.NaN, 0.1 + 0.2, 1e-300, double.NaN), (read.TestLoss, read.TrainLoss, read.SecondsPerStep, read.Test["kappa"]));
    }

    [Fact]
    public void Nothing_finished_is_done_again_and_seeds_and_methods_are_added()
    {
        ComparisonResult whole = new ComparisonStudy(fixture.Task, Choices("base", "nso", "sam"), Training).Execute([0, 1, 2], Cancellation);
        var done = new List<(string, long)>();
        using var stop = new CancellationTokenSource();
        ComparisonResult part = Study(done, Training, () =>
        {
            if (done.Count == 3)
                stop.Cancel();
        }, "base", "nso").Execute([0, 1], stop.Token);
        Assert.Equal([("base", 0), ("nso", 0), ("base", 1)], done);
        Assert.Equal((3, 4), (part.Finished, part.Planned));
        done.Clear();
        Study(done, Training, null, "base", "nso").Execute([0, 1], Cancellation);
        Assert.Equal([("nso", 1)], done);
        done.Clear();
        ComparisonResult more = Study(done, Training, null, "base", "nso", "sam").Execute([0, 1, 2], Cancellation);
        Assert.Equal([("sam", 0), ("sam", 1), ("base", 2), ("nso", 2), ("sam", 2)], done);
        Assert.Equal(WithoutTimes(JsonOf(whole)), WithoutTimes(JsonOf(more)));
        // Another training has runs of its own.
        done.Clear();
        Study(done, Training with { WeightDecay = 0.01 }, null, "base").Execute([0], Cancellation);
        Assert.Single(done);
    }

    [Fact]
    public void A_setting_that_is_as_by_default_is_no_part_of_a_run()
    {
        // So that a setting that comes with a later version leaves the runs that are there what they are.
        JsonObject settings = RunSettings.Of(fixture.Task, MethodChoice.Create("nso"), Training);
        Assert.Equal(["task", "method", "shots", "epochs", "batchSize", "learningRate"], settings.Select(s => s.Key).Where(key => key != "weightDecay"));
        Assert.Equal(0.05, (double)RunSettings.Of(fixture.Task, MethodChoice.Create("nso").With("sigma", 0.05), Training)["sigma"]!);
        // Nor is what only a fine-tuning by itself does.
        Assert.False(RunSettings.Of("photos", new Recipe { Refit = Refit.All }, MethodChoice.Create("nso")).ContainsKey("refit"));
    }

    [Fact]
    public void A_budget_of_seconds_turns_measured_times_into_steps_once_for_all()
    {
        Assert.Equal([50, 100, 1], new[] { new StepTime(0.2, 0.1), new StepTime(0.1, 0.1), new StepTime(100, 0.1) }.Select(t => t.StepsFor(100)));

        ComparisonStudy study = new(fixture.Task, Choices("base", "nso"), Training with { Epochs = 4 })
        {
            Budget = ComparisonBudget.Seconds,
            Folder = new CellFolder(_path),
        };
        ComparisonResult first = study.Execute([0, 1], Cancellation);
        Assert.Equal(12, first.Methods[0].Runs[0].Steps);
        Assert.Null(first.Methods[0].StepTime);
        StepTime time = first.Methods[1].StepTime!;
        Assert.All(first.Methods[1].Runs, run => Assert.Equal(time.StepsFor(12), run.Steps));
        // Measured anew it would be another time: it is kept with the runs.
        ComparisonResult second = study.Execute([0, 1, 2], Cancellation);
        Assert.Equal(time, second.Methods[1].StepTime);
        Assert.Equal(first.Methods[1].Runs[0], second.Methods[1].Runs[0] with { Test = first.Methods[1].Runs[0].Test });
        Assert.Contains("Equal seconds of training: nso ", string.Join('\n', ComparisonReport.Of(first, "sgd").Blocks));
        Assert.Throws<InvalidOperationException>(() => study.CellsOf([0]));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ComparisonStudy Study(List<(string, long)> done, TrainingOptions training, Action? after, params string[] methods) =>
        new(fixture.Task, Choices(methods), training)
        {
            Folder = new CellFolder(_path),
            Run = new Relay<(string Method, MethodRun Run)>(r =>
            {
                done.Add((r.Method, r.Run.Seed));
                after?.Invoke();
            }),
        };

    private static MethodChoice[] Choices(params string[] methods) => [.. methods.Select(name => MethodChoice.Create(name))];

    private static string JsonOf(ComparisonResult result) => ResultJson.Node(ComparisonReport.Of(result, "sgd").Members)!.ToJsonString();

    private static string WithoutTimes(string json) =>
        System.Text.RegularExpressions.Regex.Replace(json, "\"seconds(PerStep)?\":[^,}]*", "");
}
