using System.Text.Json.Nodes;
using Polder.Experiments.Cells;
using Polder.Experiments.Pages;
using Polder.Experiments.Reports;
using Polder.Experiments.Study;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;

namespace Polder.Experiments.Tests.Study;

/// <summary>A whole study of the digits, a second a run at most.</summary>
public sealed class StudyExecutionTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("polder-study-").FullName;
    private readonly StudyDesign _design = StudyDesignFileTests.Parse(StudyDesignFileTests.Whole);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_study_that_is_stopped_and_goes_on_ends_as_one_that_is_not_and_its_archive_repeats_it()
    {
        CellFolder whole = Folder("whole"), parts = Folder("parts"), filled = Folder("filled");
        StudyResult first = Run(whole, Cancellation);
        Assert.True(first.IsComplete);
        Assert.Equal(first.Cells, first.Finished);
        // 2 rates, at most 1 extension, for sgd; as many strengths and one other rate for nso: on 2 tasks with 1 seed each.
        Assert.InRange(first.Tried.Count, 2 + 2 + 1, 3 + 3 + 1);
        Assert.Equal(2 * 3, first.Groups.Count);
        Assert.All(first.Groups, g => Assert.Equal([0, 1], g.Runs.Select(r => r.Seed)));
        Assert.All(first.Groups.SelectMany(g => g.Runs), r => Assert.Equal(r.Seed == 1, r.Curvature is not null));
        Assert.All(first.Groups.SelectMany(g => g.Runs), r => Assert.Equal(r.Seed == 0, r.Bound is not null));
        Assert.All(first.Groups.SelectMany(g => g.Runs), r => Assert.True(r.Distance > 0));
        Assert.Equal(2 * 3, StudyReport.Of(first).Blocks.OfType<ResultTable>().Single(t => t.Name == "bounds").Rows.Count);
        Assert.Equal(
            ["trace", "top eigenvalue", "scaled trace", "adaptive sharpness", "trace, best epoch", "top eigenvalue, best epoch", "distance of the body",
                "main term of the bound"],
            StudyReport.Of(first).Blocks.OfType<ResultTable>().Single(t => t.Name == "flatness").Rows.Select(row => row[0].Text).Distinct());
        Assert.Equal(2 * 3, first.PerTask.Count);

        // Stopped again and again, after every fifth run.
        for (int stops = 0; stops < 100; stops++)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            using var study = new StudyExecution(_design, parts);
            int done = Cells();
            try
            {
                foreach (StudyStep step in study.Steps())
                    study.Do(step, new Relay(() => { if (Cells() >= done + 5) stop.Cancel(); }), stop.Token);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !Cancellation.IsCancellationRequested)
            {
                continue;
            }
            break;
        }
        int Cells() => Directory.Exists(parts.Path) ? Directory.GetFiles(parts.Path, "*.json").Length : 0;
        using (var study = new StudyExecution(_design, parts))
            Assert.Equal(Table(first), Table(study.Read()));

        string archive = Path.Combine(_root, "runs.jsonl");
        Assert.Equal(first.Cells, CellArchive.Write(whole, archive));
        KnownCells known = KnownCells.Read(archive);
        Assert.Equal(first.Cells, known.Count);
        using (var study = new StudyExecution(_design, filled) { Known = known })
            Assert.Equal(Table(first), Table(study.Read()));
        string again = Path.Combine(_root, "again.jsonl");
        Assert.Equal(first.Cells, CellArchive.Write(filled, again));
        Assert.Equal(File.ReadAllText(archive), File.ReadAllText(again));
        File.AppendAllText(archive, "{ \"settings\": {} }\n");
        Assert.Contains($"line {first.Cells + 1}: is no finished run", Assert.Throws<DataException>(() => KnownCells.Read(archive)).Message);
    }

    [Fact]
    public void Another_plan_takes_the_runs_that_it_has_and_calls_them_its_own()
    {
        const string Plan = """
            {
              "study": "s", "settings": { "epochs": 1, "keep": "last" }, "tasks": [ { "name": "few", "data": "digits", "shots": 3 } ],
              "methods": [ { "name": "sgd", "method": "base" }, { "name": "noise", "method": "nso", "sigma": 0.01 } ], "seeds": "0,1"
            }
            """;
        CellFolder folder = Folder("first"), other = Folder("second");
        using (var study = new StudyExecution(StudyDesignFileTests.Parse(Plan), folder))
            study.Run(Cancellation);
        string archive = Path.Combine(_root, "first.jsonl");
        CellArchive.Write(folder, archive);

        // Another name for the one method, another strength for the other, and a seed more.
        StudyDesign next = StudyDesignFileTests.Parse(Plan.Replace("\"sgd\"", "\"plain\"").Replace("0.01", "0.02").Replace("\"0,1\"", "\"0..2\""));
        using var second = new StudyExecution(next, other) { Known = KnownCells.Read(archive) };
        StudyResult found = second.Read();
        Assert.Equal((2, 6), (found.Finished, found.Cells));
        Assert.Equal(["few-plain-seed-0", "few-plain-seed-1"],
            Directory.EnumerateFiles(other.Path).Select(f => Path.GetFileName(f)).Order().Select(f => f[..f.LastIndexOf('-')]));
        Assert.Equal(6, second.Run(Cancellation).Finished);
        // Nothing is there that the plan does not have.
        Assert.Equal(6, CellArchive.Write(other, Path.Combine(_root, "second.jsonl")));
    }

    [Fact]
    public void A_run_folder_has_a_page_before_and_after_its_runs_are_done()
    {
        StudyDesign small = StudyDesignFileTests.Parse("""
            {
              "study": "small & <quick>", "settings": { "epochs": 1, "keep": "last" }, "tasks": [ { "name": "few", "data": "digits", "shots": 3 } ],
              "methods": [ { "name": "base" }, { "name": "nso", "sigma": 0.01 } ], "seeds": "0,1",
              "questions": [ { "method": "nso", "with": ["base"], "equivalenceMargin": 50 } ]
            }
            """);
        RunFolder run = RunFolder.Create(Path.Combine(_root, "run"));
        run.WriteConfiguration(new JsonObject
        {
            ["polder"] = "0.2.0",
            ["command"] = new JsonArray("study"),
            ["settings"] = new JsonObject(),
            ["plan"] = small.Source.DeepClone(),
        });
        Page before = ReportPages.Of(run.Path);
        Assert.Equal("No run is finished.", before.Lead);
        using (var study = new StudyExecution(small, new CellFolder(run.Cells)))
            study.Run(Cancellation);
        Page after = ReportPages.Of(run.Path);
        Assert.StartsWith("nso: equivalent to base within 50 points (", after.Lead);
        Assert.Contains("small &amp; &lt;quick&gt;", after.Html);
        Assert.Contains("equivalent within 50 points", after.Html);
        Assert.DoesNotContain("is not complete", after.Html);
        Assert.Contains("is not complete: 0 of the 4 runs", before.Html);
    }

    [Fact]
    public void More_seeds_leave_what_is_done_as_it_is()
    {
        CellFolder folder = Folder("more");
        StudyDesign small = _design with { Tuning = null, Seeds = [0], Curvature = null, Entries = [_design.Entries[1]] };
        using (var study = new StudyExecution(small, folder))
            study.Run(Cancellation);
        var before = Directory.EnumerateFiles(folder.Path).ToDictionary(f => f, File.GetLastWriteTimeUtc);
        using (var study = new StudyExecution(small with { Seeds = [0, 3] }, folder))
        {
            Assert.Equal((2, 4), (study.Read().Finished, study.Read().Cells));
            Assert.Equal((4, 4), (study.Run(Cancellation).Finished, study.Read().Cells));
        }
        Assert.All(before, file => Assert.Equal(file.Value, File.GetLastWriteTimeUtc(file.Key)));
    }

    [Fact]
    public void Without_a_folder_the_first_step_can_be_looked_at()
    {
        using var study = new StudyExecution(_design, null);
        StudyStep step = study.Steps().First();
        Assert.Equal("tuning, step 1", step.Name);
        Assert.Equal(["few: sgd rate 0.1, seed 100", "few: sgd rate 0.2, seed 100", "more: sgd rate 0.1, seed 100", "more: sgd rate 0.2, seed 100"],
            step.Cells.Select(c => c.Name));
        Assert.False(study.Read().IsComplete);
        Assert.Throws<InvalidOperationException>(() => study.Do(step, null, Cancellation));
    }

    [Fact]
    public void Data_that_is_not_there_is_said_before_anything_runs()
    {
        StudyDesign design = StudyDesignFileTests.Parse(StudyDesignFileTests.Whole.Replace(
            "\"data\": \"digits\", \"shots\": 5", "\"data\": \"no-such-folder\", \"arch\": \"resnet20\""));
        using var study = new StudyExecution(design, Folder("none")) { Root = _root };
        Assert.Contains(Path.Combine(_root, "no-such-folder"), Assert.Throws<DataException>(() => study.Check(Cancellation)).Message);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private StudyResult Run(CellFolder folder, CancellationToken cancellation)
    {
        using var study = new StudyExecution(_design, folder);
        study.Check(cancellation);
        return study.Run(cancellation);
    }

    private CellFolder Folder(string name) => new(Path.Combine(_root, name));

    // All but the times.
    private static string Table(StudyResult study) => string.Join('\n', StudyReport.Of(study).Blocks.OfType<ResultTable>().Where(t => t.Name is not "cost")
        .Select(t => string.Join('\n', t.Rows.Select(row => string.Join(';', t.Columns.Zip(row).Where(c => c.First.Title != "seconds")
            .Select(c => $"{c.Second.Text} {string.Join(' ', c.Second.Values)}"))))));

    private sealed class Relay(Action told) : IProgress<CellsProgress>
    {
        public void Report(CellsProgress value) => told();
    }
}
