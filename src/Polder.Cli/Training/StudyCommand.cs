using System.CommandLine;
using System.Text.Json.Nodes;

namespace Polder.Cli.Training;

/// <summary><c>polder study</c>: methods on several tasks over seeds, as a plan says it, with settings chosen on other seeds first.</summary>
internal sealed class StudyCommand : PolderCommand
{
    private readonly Argument<string?> _plan = new("PLAN")
    {
        Description = "the plan, a JSON file (docs/guides/study.md); a folder that goes on has its own, and takes a longer one",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly StudyFolderOptions _folder = new("study", "a PLAN with more tasks, methods or seeds adds them");

    private readonly CliOption<string?> _root = OptionOf.Text(
        "--data-root", "DIR", "the folder that relative paths of data and weights in the plan are found from", "a folder", null, "the present one");

    private readonly CliOption<string?> _known = OptionOf.Text(
        "--known", "FILE", "finished runs of an earlier study (its runs.jsonl), which are not done again where the plan has them", "a file", null, "");

    private readonly CliFlag _dryRun = new("--dry-run", "check the plan, list its runs as far as they are known, and train nothing");

    public StudyCommand()
        : base("study", "compare methods on several tasks by a plan: settings chosen on validation images, then seeds, tables and tests")
    {
        Add(_plan);
        Add(Heading.Data, _root);
        Add(Heading.Running, _dryRun, _known);
        (Resume, Join) = (_folder.Resume, _folder.Join);
        _folder.AddTo(this);
        UseTorch();
        UseRanks();
        Examples =
        [
            "polder study plan.json --dry-run",
            "polder study plan.json --data-root data --jobs 2",
            "polder study --resume runs/study-1",
            "polder study longer-plan.json --resume runs/study-1 --known earlier/runs.jsonl",
        ];
    }

    protected internal override bool IsOfRun(Option option) => !_folder.Contains(option) && option != _known && option != _dryRun && option != _root;

    protected internal override void Run(CommandContext context)
    {
        _folder.RequireOne(context);
        StudyDesign design = DesignOf(context);
        // Another machine may have the data elsewhere, so it may be said anew; jobs and whoever goes on have it from the folder.
        string root = context.Get(_root) ?? (context.IsResumed ? RootOf(context.Folder!) : "");
        context.SetEffective(_root, root.Length > 0 ? root : null);
        if (root.Length > 0 && !Directory.Exists(root))
            throw UserErrorException.ForOption(_root.Name, root, "a folder");
        int questions = design.Questions.Count;
        context.Output.Info($"{design.Name}: {design.Tasks.Count} tasks x {design.Entries.Count} methods x {design.Seeds.Count} seeds"
            + (design.Tuning is { } tuning ? $", settings chosen on {tuning.Seeds.Count} other seed(s)" : "") + $"; {questions} question(s)");
        if (context.Get(_dryRun))
        {
            List(context, design, root, context.Get(_known) is { } file ? Told(context, file) : null);
            return;
        }
        _folder.ShareProcessors(context, threads: null);
        string? known = context.Get(_known);
        if (known is not null)
            Told(context, known);
        using StudySession session = _folder.Begin(context, design.Source, prepare: folder => Keep(known, folder.In(KnownCells.FileName)));
        string kept = session.Folder.In(KnownCells.FileName);
        using var study = new StudyExecution(design, session.Cells)
        {
            Root = root,
            Note = new Relay<string>(context.Output.Verbose),
            Known = File.Exists(kept) ? KnownCells.Read(kept) : null,
        };
        try
        {
            if (!JobProcesses.IsJob && !study.Read().IsComplete)
                study.Check(context.Cancellation);
            foreach (StudyStep step in study.Steps())
                Do(context, study, step, design);
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            // What is finished is kept and shown.
        }
        if (JobProcesses.IsJob || !context.Writes)
            return; // who started it shows the result
        StudyResult result = study.Read();
        CellArchive.Write(session.Cells, session.Folder.In(CellArchive.FileName));
        context.Finish(StudyReport.Of(result, session.Folder.Path));
        ReportPages.Of(session.Folder.Path).Write(session.Folder.Page);
        if (context.Cancellation.IsCancellationRequested)
            throw session.Stopped(Name, result.Finished, result.IsComplete ? $"{result.Cells}" : $"at least {result.Cells}");
    }

    private static KnownCells Told(CommandContext context, string file)
    {
        KnownCells known = KnownCells.Read(file);
        context.Output.Info($"{known.Count} finished runs of {file} are known; those that the plan has are not done again");
        return known;
    }

    // In the folder, where jobs, other machines and whoever goes on find it; beside what was known before.
    private static void Keep(string? known, string file)
    {
        if (known is null)
            return;
        string[] before = File.Exists(file) ? File.ReadAllLines(file) : [];
        AtomicFile.WriteSharedText(file, string.Concat(before.Concat(File.ReadAllLines(known)).Distinct().Select(line => line + "\n")));
    }

    private static string RootOf(RunFolder folder) =>
        folder.Configuration.Settings["dataRoot"] is JsonValue value && value.TryGetValue(out string? root) ? folder.Locate(root) : "";

    private void Do(CommandContext context, StudyExecution study, StudyStep step, StudyDesign design)
    {
        int done = step.Cells.Count(study.Has), left = step.Cells.Count - done;
        if (left == 0)
            return;
        int later = step.IsTuning ? design.Tasks.Count * design.Entries.Count * design.Seeds.Count : 0;
        var estimate = new StudyEstimate(step, done, _folder.JobsOf(context), later);
        context.Output.Track(step.Name, left, tracker =>
        {
            IProgress<CellsProgress> shown = StudySession.Show(tracker, -done);
            study.Do(
                step,
                new Relay<CellsProgress>(p =>
                {
                    shown.Report(p);
                    if (estimate.After(p.Finished) is { } words)
                        context.Output.Info(words);
                }),
                context.Cancellation);
        });
    }

    private StudyDesign DesignOf(CommandContext context)
    {
        if (context.Get(_plan) is { } path)
        {
            StudyDesign design = StudyDesignFile.Read(path);
            if (context.IsResumed && context.Get(_folder.Join) is null && !context.Get(_dryRun))
                context.WriteConfiguration(design.Source);
            return design;
        }
        return context.IsResumed && context.Folder!.Configuration.Plan is { } plan ? StudyDesignFile.Parse(plan, context.Folder.ConfigurationFile)
            : throw new UserErrorException("PLAN: found nothing, allowed: a JSON file; only a folder that goes on (--resume, --join) has a plan of its own");
    }

    private static void List(CommandContext context, StudyDesign design, string root, KnownCells? known)
    {
        string? own = context.IsResumed ? context.Folder!.Cells : null;
        using TemporaryCells? looked = known is null ? null : new TemporaryCells(own);
        using var study = new StudyExecution(design, looked?.Cells ?? (own is null ? null : new CellFolder(own)))
        { Root = root, Note = new Relay<string>(context.Output.Info), Known = known };
        study.Check(context.Cancellation);
        var rows = new List<(StudyStep Step, Cell Cell)>();
        bool whole = true;
        foreach (StudyStep step in study.Steps())
        {
            rows.AddRange(step.Cells.Select(cell => (step, cell)));
            // What is tried next depends on what comes of it.
            whole = !step.IsTuning || step.Cells.All(study.Has);
            if (!whole)
                break;
        }
        int done = rows.Count(row => study.Has(row.Cell));
        context.Finish(new Result(new
        {
            Study = design.Name,
            Done = done,
            IsWhole = whole,
            Runs = rows.Select(row => new { Step = row.Step.Name, row.Cell.Name, row.Cell.Key, IsDone = study.Has(row.Cell) }),
        })
        {
            Blocks =
            [
                ResultTable.Of("runs", ["step", "run", new("done", "isDone")], rows, row =>
                    [row.Step.Name, row.Cell.Name, new(study.Has(row.Cell) ? "yes" : "", study.Has(row.Cell))]),
                new ResultNote($"{rows.Count} runs, {done} of them done" + (whole ? "." : "; what is tried after these depends on what comes of them, and "
                    + $"{design.Tasks.Count * design.Entries.Count * design.Seeds.Count} runs are reported on in the end.")),
            ],
        });
    }
}
