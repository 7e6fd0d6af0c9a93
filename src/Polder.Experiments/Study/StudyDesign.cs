using System.Text.Json.Nodes;

namespace Polder.Experiments.Study;

/// <summary>
/// A study as its plan says it: methods on tasks over seeds, with settings chosen on other seeds first. It is read from a file once
/// (<see cref="StudyDesignFile"/>), and everything that is done follows from it.
/// </summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Tasks">The tasks.</param>
/// <param name="Entries">The methods, each with what it has of its own.</param>
/// <param name="Seeds">The seeds that are reported on.</param>
public sealed record StudyDesign(string Name, IReadOnlyList<StudyTask> Tasks, IReadOnlyList<StudyEntry> Entries, IReadOnlyList<long> Seeds)
{
    /// <summary>The settings of all runs, members of a run folder's settings; a task's replace them, and a method's replace those.</summary>
    public JsonObject Settings { get; init; } = [];

    /// <summary>How settings are chosen; null: every method has what the plan says.</summary>
    public StudyTuning? Tuning { get; init; }

    /// <summary>What all methods have the same of where their settings do not say steps of their own. Default: epochs.</summary>
    public ComparisonBudget Budget { get; init; } = ComparisonBudget.Epochs;

    /// <summary>How flat the trained weights lie, and on which seeds it is measured; null: it is not.</summary>
    public StudyCurvature? Curvature { get; init; }

    /// <summary>What PAC-Bayes says of the runs, and on which seeds it is measured; null: it is not.</summary>
    public StudyBound? Bound { get; init; }

    /// <summary>The questions that the study asks; may be empty.</summary>
    public IReadOnlyList<StudyQuestion> Questions { get; init; } = [];

    /// <summary>Contrasts of more than two methods, such as an interaction; may be empty.</summary>
    public IReadOnlyList<StudyContrast> Contrasts { get; init; } = [];

    /// <summary>The plan as its file has it, so that a folder repeats it.</summary>
    public JsonObject Source { get; init; } = [];
}

/// <summary>A task of a study.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Settings">Its settings: data, images a class, network, size.</param>
public sealed record StudyTask(string Name, JsonObject Settings)
{
    /// <summary>A measure of the test images, shown beside the accuracy, by its name (<see cref="ClassificationMetrics.Figures"/>); null: none.</summary>
    public string? Figure { get; init; }
}

/// <summary>A method of a study, with the settings that are its own. Two entries may have one method.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Method">The method.</param>
/// <param name="Settings">Its settings: options of the method, and of the training where it differs (epochs).</param>
public sealed record StudyEntry(string Name, MethodEntry Method, JsonObject Settings)
{
    /// <summary>The strength that is tuned and the values that are tried first, rising; null: the learning rate alone is.</summary>
    public StudyGrid? Grid { get; init; }

    /// <summary>Whether its settings are chosen; false: they are as the plan says.</summary>
    public bool IsTuned { get; init; } = true;
}

/// <summary>The values of a strength that are tried.</summary>
/// <param name="Option">The option of the method.</param>
/// <param name="Values">The values, rising, at least two.</param>
public sealed record StudyGrid(string Option, IReadOnlyList<double> Values);

/// <summary>How settings are chosen: on validation images, and on seeds that nothing is reported of.</summary>
/// <param name="Seeds">Those seeds.</param>
/// <param name="LearningRates">The rates that methods without a strength are tried with, rising; the first such method is the reference, whose chosen
/// rate is where the strengths of the others are tried.</param>
public sealed record StudyTuning(IReadOnlyList<long> Seeds, IReadOnlyList<double> LearningRates)
{
    /// <summary>Factors of that rate that a method with a strength is tried with once its strength is chosen.</summary>
    public IReadOnlyList<double> RateFactors { get; init; } = [];

    /// <summary>How often a grid is extended where a winner stands on its edge: then every method's is, by one value. Default 2.</summary>
    public int Extensions { get; init; } = 2;

    /// <summary>Whether every method is also run with the setting that is best on each task, for a second table.</summary>
    public bool PerTask { get; init; }
}

/// <summary>How flat trained weights lie, and on which seeds it is measured.</summary>
/// <param name="Options">How.</param>
/// <param name="Seeds">The seeds.</param>
public sealed record StudyCurvature(WeightCurvatureOptions Options, IReadOnlyList<long> Seeds);

/// <summary>What PAC-Bayes says of runs, and on which seeds it is measured.</summary>
/// <param name="Options">How.</param>
/// <param name="Seeds">The seeds.</param>
public sealed record StudyBound(RunBoundOptions Options, IReadOnlyList<long> Seeds);

/// <summary>A question: how a method differs from others.</summary>
/// <param name="Entry">The name of the method's entry.</param>
/// <param name="Others">The names of the others'.</param>
public sealed record StudyQuestion(string Entry, IReadOnlyList<string> Others)
{
    /// <summary>What tables call it, where a plan asks the same of other tasks; empty: nothing.</summary>
    public string Name { get; init; } = "";

    /// <summary>The names of the tasks that it is asked of; null: of all.</summary>
    public IReadOnlyList<string>? Tasks { get; init; }

    /// <summary>Within how many points the two are called equivalent (two one-sided tests); null: that is not asked.</summary>
    public double? Margin { get; init; }
}

/// <summary>A weighted sum of methods that is tested against zero: an interaction of two factors is +1, -1, -1, +1.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Weights">The names of the methods' entries with their weights.</param>
public sealed record StudyContrast(string Name, IReadOnlyList<(string Entry, double Weight)> Weights);
