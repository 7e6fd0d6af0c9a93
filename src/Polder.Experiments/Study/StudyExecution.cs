namespace Polder.Experiments.Study;

/// <summary>A step of a study: cells that do not wait for each other.</summary>
/// <param name="Name">What they are for.</param>
/// <param name="Cells">The cells.</param>
/// <param name="IsTuning">Whether they choose settings: which steps come after it, they decide. Else they are reported on.</param>
public sealed record StudyStep(string Name, IReadOnlyList<Cell> Cells, bool IsTuning = false);

/// <summary>
/// Does a study, beside any other process that does it in the same folder. All steps follow from the plan and from what the folder holds, so that every
/// process finds the same ones, and a study goes on wherever it was left.
/// </summary>
/// <param name="design">The study.</param>
/// <param name="folder">Where finished runs are kept; null: nothing is done yet, and the study can be looked at, not run.</param>
public sealed class StudyExecution(StudyDesign design, CellFolder? folder) : IDisposable
{
    private readonly FeatureCache _features = new();
    private readonly HashSet<string> _notes = [];
    private StudyImages? _images;

    /// <summary>The folder that relative paths of data and weights in the plan are found from; empty, the default: the present one.</summary>
    public string Root { get; init; } = "";

    /// <summary>Runs of earlier studies, which are not done again; null: none.</summary>
    public KnownCells? Known { get; init; }

    /// <summary>Told in words what is read and kept; each line once.</summary>
    public IProgress<string>? Note { get; init; }

    /// <summary>
    /// Opens every task and makes every method for it, so that what is wrong is said before hours have gone by. What was decoded is kept for the runs.
    /// </summary>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="SettingException">A setting is not allowed on the data.</exception>
    /// <exception cref="DataException">Data or weights cannot be used.</exception>
    public void Check(CancellationToken cancellation = default)
    {
        StudyImages images = Images;
        var checkedNetworks = new HashSet<(string, int, Precision, MemoryLayout)>();
        foreach (StudyTask task in design.Tasks)
            foreach (StudyEntry entry in design.Entries)
            {
                double? rate = entry.IsTuned ? design.Tuning?.LearningRates[0] : null;
                var (recipe, method) = new StudySetting(entry, rate, entry.Grid?.Values[0]).On(design, task);
                using RecipeTask opened = images.Open(recipe, cancellation);
                using FineTuningStart start = opened.Prepare(design.Seeds[0]);
                TrainingOptions training = method.BaseTraining(opened.Recipe.Training);
                // Convolutions are checked for each size and form that a method has of its own.
                if (checkedNetworks.Add((start.Classifier.Architecture, start.Classifier.ImageSize, training.Precision, training.MemoryLayout)))
                    start.RequireTrainable(training);
                method.For(start, training);
                Say($"{task.Name}: {start.Splits.Train.Count} training, {start.Splits.Validation.Count} validation and {start.Splits.Test.Count} test images");
                cancellation.ThrowIfCancellationRequested();
            }
    }

    /// <summary>Does what is left, step by step.</summary>
    /// <param name="cancellation">Stops; what is finished is kept.</param>
    /// <returns>What came of it.</returns>
    /// <exception cref="DataException">The data cannot be used, or a file of the folder is damaged.</exception>
    public StudyResult Run(CancellationToken cancellation = default)
    {
        try
        {
            foreach (StudyStep step in Steps())
                Do(step, null, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // What is finished is kept.
        }
        return Read();
    }

    /// <summary>Does the cells of a step, beside other processes; returns when all are done.</summary>
    /// <param name="step">One of <see cref="Steps()"/>.</param>
    /// <param name="progress">Told where they stand.</param>
    /// <param name="cancellation">Stops.</param>
    public void Do(StudyStep step, IProgress<CellsProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(step);
        new CellRunner(folder ?? throw new InvalidOperationException("a study without a folder can only be looked at")) { Progress = progress }
            .Run(step.Cells, cancellation);
    }

    /// <summary>Whether a cell is done.</summary>
    /// <param name="cell">The cell.</param>
    public bool Has(Cell cell) => folder?.Has(cell) == true;

    /// <summary>The steps, as far as they are known: a step is asked for when all cells of those before it are done.</summary>
    public IEnumerable<StudyStep> Steps() => Steps(new TuningCourse(design), NewCells());

    // What is known of a step is there before anybody looks at it.
    private StudyStep WithKnown(StudyStep step)
    {
        if (folder is not null)
            Known?.Give(step.Cells, folder);
        return step;
    }

    /// <summary>What the folder holds, without doing anything.</summary>
    public StudyResult Read()
    {
        var course = new TuningCourse(design);
        StudyCells cells = NewCells();
        int finished = 0, all = 0;
        bool complete = true;
        foreach (StudyStep step in Steps(course, cells))
        {
            int done = step.Cells.Count(Has);
            (finished, all) = (finished + done, all + step.Cells.Count);
            if (done < step.Cells.Count)
            {
                complete = false;
                break;
            }
        }
        bool chosen = complete || all == 0 || IsTuned(course, cells);
        StudyGroup[] one = chosen ? [.. GroupsOf(cells, (entry, _) => course.Best(entry))] : [];
        StudyGroup[] each = chosen && design.Tuning is { PerTask: true } ? [.. GroupsOf(cells, course.BestOn)] : [];
        return new StudyResult(
            design,
            [
                .. design.Entries.SelectMany(course.Ranked, (entry, row) => (row.Tried, row.MeanRank, course.Best(entry) == row.Tried.Setting)),
            ],
            one, each, finished, all)
        { IsComplete = complete };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _features.Dispose();
        _images?.Dispose();
    }

    // Whether the steps so far have ended the tuning: then what is open is of the runs that are reported on.
    private bool IsTuned(TuningCourse course, StudyCells cells) =>
        design.Tuning is null || (TuningSteps(new TuningCourse(design), cells).All(step => step.Cells.All(Has)) && course.Tried.Count > 0);

    private IEnumerable<StudyStep> Steps(TuningCourse course, StudyCells cells)
    {
        foreach (StudyStep step in TuningSteps(course, cells))
            yield return step;
        // Seed by seed, so that a stopped study has whole pairs; task by task within, since the runs on a task share its images.
        Cell[] finals =
        [
            .. design.Seeds.SelectMany(_ => design.Tasks.Index(), (seed, task) => (seed, task)).SelectMany(
                _ => design.Entries, (at, entry) => cells.Final(at.task.Item, course.Best(entry), at.seed)),
        ];
        yield return WithKnown(new StudyStep("runs", finals));
        if (design.Tuning is not { PerTask: true })
            yield break;
        HashSet<string> known = [.. finals.Select(cell => cell.Key)];
        yield return WithKnown(new StudyStep("runs with the best setting of each task",
        [
            .. design.Seeds.SelectMany(_ => design.Tasks.Index(), (seed, task) => (seed, task)).SelectMany(
                _ => design.Entries, (at, entry) => cells.Final(at.task.Item, course.BestOn(entry, at.task.Index), at.seed))
                .Where(cell => known.Add(cell.Key)),
        ]));
    }

    private IEnumerable<StudyStep> TuningSteps(TuningCourse course, StudyCells cells)
    {
        foreach ((int number, IReadOnlyList<StudySetting> batch) in course.Batches(ScoresOf).Index())
            yield return WithKnown(new StudyStep($"tuning, step {number + 1}",
            [
                .. design.Tuning!.Seeds.SelectMany(_ => design.Tasks, (seed, task) => (seed, task)).SelectMany(
                    _ => batch, (at, setting) => cells.Tuning(at.task, setting, at.seed)),
            ],
            IsTuning: true));

        IReadOnlyList<TuningScore> ScoresOf(StudySetting setting) => [.. design.Tasks.Select(task => ScoreOf(task, setting))];

        TuningScore ScoreOf(StudyTask task, StudySetting setting)
        {
            TuningRun?[] runs = [.. design.Tuning!.Seeds.Select(seed => StudyCells.TuningIn(folder, cells.Tuning(task, setting, seed)))];
            TuningRun[] whole = [.. runs.OfType<TuningRun>().Where(r => r.Diverged is null)];
            int diverged = runs.Count(r => r?.Diverged is not null);
            return whole.Length == 0 ? new TuningScore(double.NaN, double.NaN, diverged)
                : new TuningScore(whole.Average(r => r.ValidationAccuracy!.Value), whole.Average(r => r.ValidationLoss!.Value), diverged);
        }
    }

    private IEnumerable<StudyGroup> GroupsOf(StudyCells cells, Func<StudyEntry, int, StudySetting> settingOf)
    {
        foreach ((int place, StudyTask task) in design.Tasks.Index())
            foreach (StudyEntry entry in design.Entries)
            {
                StudySetting setting = settingOf(entry, place);
                (long Seed, StudyOutcome Outcome)[] done =
                [
                    .. design.Seeds.Select(seed => (seed, Outcome: StudyCells.FinalIn(folder, cells.Final(task, setting, seed))))
                        .Where(o => o.Outcome is not null).Select(o => (o.seed, o.Outcome!)),
                ];
                yield return new StudyGroup(task.Name, setting, [.. done.Select(o => o.Outcome.Run).OfType<MethodRun>()])
                {
                    Diverged = [.. done.Select(o => o.Outcome.Diverged).OfType<string>()],
                    Unmeasured = [.. done.Where(o => o.Outcome.Unmeasured is not null).Select(o => $"seed {o.Seed}: {o.Outcome.Unmeasured}")],
                };
            }
    }

    private StudyImages Images => _images ??= new(Root, new Relay<string>(Say));

    private StudyCells NewCells() => new(design, Images, _features, Say);

    private void Say(string line)
    {
        if (_notes.Add(line))
            Note?.Report(line);
    }
}
