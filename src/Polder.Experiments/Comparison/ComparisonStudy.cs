namespace Polder.Experiments.Comparison;

/// <summary>Where a comparison stands.</summary>
/// <param name="Method">The <see cref="MethodChoice.Label"/> of the method that runs.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Done">The runs before it in the order of the study, with the share of the one at hand.</param>
/// <param name="Runs">All runs.</param>
/// <param name="Training">The training at hand.</param>
public sealed record ComparisonProgress(string Method, long Seed, double Done, int Runs, TrainingProgress Training);

/// <summary>Where the measurement after a training stands.</summary>
/// <param name="Method">The <see cref="MethodChoice.Label"/> of the method that was trained.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Done">The trainings before it in the order of the study, and this one.</param>
/// <param name="Curvature">The measurement at hand.</param>
public sealed record MeasuringProgress(string Method, long Seed, int Done, WeightCurvatureProgress Curvature);

/// <summary>Every method on every seed of a task, from the same starts.</summary>
/// <param name="task">The task.</param>
/// <param name="methods">The methods.</param>
/// <param name="training">The training, the same for all; the seed of each run replaces its seed.</param>
public sealed class ComparisonStudy(IFineTuningTask task, IReadOnlyList<MethodChoice> methods, TrainingOptions training)
{
    private readonly HashSet<string> _notes = [];

    /// <summary>Compares methods on a recipe; its own method is not looked at.</summary>
    /// <param name="task">The opened recipe.</param>
    /// <param name="methods">The methods.</param>
    public ComparisonStudy(RecipeTask task, IReadOnlyList<MethodChoice> methods)
        : this(task, methods, (task ?? throw new ArgumentNullException(nameof(task))).Recipe.Training)
    {
    }

    /// <summary>Told after every step of every training that this process does.</summary>
    public IProgress<ComparisonProgress>? Progress { get; init; }

    /// <summary>Told in words what the trainings keep so that it need not be computed again; each line once.</summary>
    public IProgress<string>? Note { get; init; }

    /// <summary>Told after every pass of every measurement of curvature that this process does.</summary>
    public IProgress<MeasuringProgress>? Measuring { get; init; }

    /// <summary>What frozen layers make of images, which all runs of the process share; null, the default: each run computes its own.</summary>
    public FeatureCache? Features { get; init; }

    /// <summary>What every method has the same of.</summary>
    public ComparisonBudget Budget { get; init; } = ComparisonBudget.Epochs;

    /// <summary>How the curvature of the training loss is measured at the tested weights of each run; null (default): not at all.</summary>
    public WeightCurvatureOptions? Curvature { get; init; }

    /// <summary>Told when this process has ended a run.</summary>
    public IProgress<(string Method, MethodRun Run)>? Run { get; init; }

    /// <summary>
    /// Where each run is kept as soon as it is finished. What is there is not done again, and other processes may do runs of the same study in it at
    /// the same time. A method of one's own counts as the same where its name and options are: when its code changes, take another folder. Null, the
    /// default: nowhere.
    /// </summary>
    public CellFolder? Folder { get; init; }

    /// <summary>Told where all runs stand, whichever process does them; only with <see cref="Folder"/>.</summary>
    public IProgress<CellsProgress>? Cells { get; init; }

    /// <summary>Runs the study: seed by seed, all methods on a seed before the next, so that a stopped study has whole pairs.</summary>
    /// <param name="seeds">The seeds.</param>
    /// <param name="cancellation">Stops the study; what is finished is returned.</param>
    /// <exception cref="TrainingDivergedException">Every training diverged; the message names the first's method and seed. One among others is in the
    /// result.</exception>
    /// <exception cref="DataException">A file of <see cref="Folder"/> is damaged.</exception>
    public ComparisonResult Execute(IReadOnlyList<long> seeds, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        StepTime?[] times = new StepTime?[methods.Count];
        StudyOutcome?[] outcomes = new StudyOutcome?[seeds.Count * methods.Count];
        try
        {
            TimeSteps(times, cancellation);
            if (Folder is null)
            {
                for (int place = 0; place < outcomes.Length; place++)
                {
                    StudyRun run = RunAt(place, seeds, times);
                    outcomes[place] = run.Execute(EventsOf(run, place, outcomes.Length), cancellation);
                }
            }
            else
            {
                new CellRunner(Folder) { Progress = Cells }.Run(CellsOf(seeds, times), cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // What is finished is kept.
        }
        if (Folder is not null && (Budget != ComparisonBudget.Seconds || methods.Index().All(m => m.Item.Name == "base" || times[m.Index] is not null)))
            outcomes = [.. CellsOf(seeds, times).Select(cell => Folder.Read(cell) is { } json ? StudyOutcome.Of(json) : null)];
        return ResultOf(seeds, times, outcomes);
    }

    /// <summary>The runs as cells, in the order of <see cref="Execute"/>: those of several studies can be done together.</summary>
    /// <param name="seeds">The seeds.</param>
    /// <exception cref="InvalidOperationException">The budget is one of seconds, whose steps are measured first.</exception>
    public IReadOnlyList<Cell> CellsOf(IReadOnlyList<long> seeds)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        return Budget != ComparisonBudget.Seconds ? CellsOf(seeds, new StepTime?[methods.Count])
            : throw new InvalidOperationException("the runs of a budget of seconds are known when the time of a step is measured");
    }

    private Cell[] CellsOf(IReadOnlyList<long> seeds, StepTime?[] times)
    {
        int runs = seeds.Count * methods.Count;
        return
        [
            .. Enumerable.Range(0, runs).Select(place =>
            {
                StudyRun run = RunAt(place, seeds, times);
                return run.ToCell(EventsOf(run, place, runs));
            }),
        ];
    }

    private StudyRun RunAt(int place, IReadOnlyList<long> seeds, StepTime?[] times)
    {
        MethodChoice method = methods[place % methods.Count];
        TrainingOptions own = method.BaseTraining(training) with { Seed = seeds[place / methods.Count] };
        return new StudyRun(task, method, own, Budget, times[place % methods.Count], Curvature) { Features = Features };
    }

    private StudyEvents EventsOf(StudyRun run, int place, int runs)
    {
        (string method, long seed) = (run.Method.Label, run.Training.Seed);
        return new StudyEvents(
            p => Progress?.Report(new ComparisonProgress(method, seed, place + ((double)p.Step / p.Steps), runs, p)),
            p => Measuring?.Report(new MeasuringProgress(method, seed, place + 1, p)),
            line =>
            {
                if (_notes.Add(line))
                    Note?.Report(line);
            },
            finished => Run?.Report((method, finished)));
    }

    private void TimeSteps(StepTime?[] times, CancellationToken cancellation)
    {
        int[] measured = Budget == ComparisonBudget.Seconds ? [.. Enumerable.Range(0, methods.Count).Where(m => methods[m].Name != "base")] : [];
        TrainingOptions first = training with { Seed = 0 };
        if (Folder is null)
        {
            foreach (int m in measured)
                times[m] = StepTime.Measure(task, methods[m], first, cancellation);
            return;
        }
        Cell[] cells = [.. measured.Select(m => StepTime.ToCell(task, methods[m], first))];
        new CellRunner(Folder) { Progress = Cells }.Run(cells, cancellation);
        foreach ((int m, Cell cell) in measured.Zip(cells))
            times[m] = StepTime.Of(Folder.Read(cell)!);
    }

    private ComparisonResult ResultOf(IReadOnlyList<long> seeds, StepTime?[] times, StudyOutcome?[] outcomes)
    {
        (MethodChoice Method, long Seed, StudyOutcome? Outcome)[] all =
            [.. outcomes.Select((outcome, place) => (methods[place % methods.Count], seeds[place / methods.Count], outcome))];
        DivergedRun[] diverged =
            [.. all.Where(r => r.Outcome?.Diverged is not null).Select(r => new DivergedRun(r.Method.Label, r.Seed, r.Outcome!.Diverged!))];
        if (diverged.Length > 0 && all.All(r => r.Outcome?.Run is null))
            throw new TrainingDivergedException(diverged[0].Message);
        return new ComparisonResult(
            task.Name,
            [
                .. methods.Select((method, m) => new MethodRuns(
                    method.Name, method.Options, [.. outcomes.Where((_, place) => place % methods.Count == m).Select(o => o?.Run).OfType<MethodRun>()])
                { Label = method.Label, StepTime = times[m] }).Where(r => r.Runs.Count > 0),
            ],
            outcomes.Length, diverged,
            [.. all.Where(r => r.Outcome?.Unmeasured is not null).Select(r => new UnmeasuredRun(r.Method.Label, r.Seed, r.Outcome!.Unmeasured!))]);
    }
}
