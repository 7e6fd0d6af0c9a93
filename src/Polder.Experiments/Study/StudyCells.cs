using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Study;

/// <summary>What came of a training that chooses settings; the test images are not looked at.</summary>
/// <param name="ValidationAccuracy">The accuracy of the weights that the training ends with on the validation images, between 0 and 1.</param>
/// <param name="ValidationLoss">Their mean cross entropy there, in nats.</param>
/// <param name="TrainLoss">The training loss of the last epoch.</param>
/// <param name="GradientEvaluations">Gradients, each over one batch.</param>
/// <param name="Seconds">The time of the run.</param>
/// <param name="Diverged">Where and how it diverged; null: it did not.</param>
public sealed record TuningRun(
    double? ValidationAccuracy, double? ValidationLoss, double? TrainLoss, long GradientEvaluations, double Seconds, string? Diverged = null);

/// <summary>The runs of a study as cells of a folder.</summary>
/// <param name="design">The study.</param>
/// <param name="images">Opens the tasks.</param>
/// <param name="features">What frozen layers make of images, shared by all runs of the process.</param>
/// <param name="note">Told in words what trainings keep.</param>
internal sealed class StudyCells(StudyDesign design, StudyImages images, FeatureCache features, Action<string> note)
{
    /// <summary>A run that chooses settings.</summary>
    public Cell Tuning(StudyTask task, StudySetting setting, long seed)
    {
        var (recipe, method) = setting.On(design, task);
        string name = NameOf(task, setting, seed);
        return new Cell(
            name, SettingsOf("tuning", task, recipe, method, seed), work => ResultJson.Node(Validate(name, recipe, method, seed, work))!.AsObject());
    }

    /// <summary>A run that is reported on.</summary>
    public Cell Final(StudyTask task, StudySetting setting, long seed)
    {
        var (recipe, method) = setting.On(design, task);
        WeightCurvatureOptions? curvature = design.Curvature is { } measured && measured.Seeds.Contains(seed) ? measured.Options : null;
        RunBoundOptions? bound = design.Bound is { } asked && asked.Seeds.Contains(seed) ? asked.Options : null;
        string name = NameOf(task, setting, seed);
        JsonObject settings = SettingsOf("final", task, recipe, method, seed);
        if (curvature is not null)
            settings["curvature"] = curvature.ToJson();
        if (bound is not null)
            settings["bound"] = bound.ToJson();
        return new Cell(name, settings, work =>
        {
            using RecipeTask opened = images.Open(recipe, work.Cancellation);
            return (RunOf(opened, method, seed, curvature) with { Bound = bound }).ToCell(new StudyEvents(_ => { }, _ => { }, note, _ => { })).Work(work);
        });
    }

    private static string NameOf(StudyTask task, StudySetting setting, long seed) =>
        $"{task.Name}: {setting.Entry.Name}{(setting.Words.Length > 0 ? $" {setting.Words}" : "")}, seed {seed}";

    private JsonObject SettingsOf(string kind, StudyTask task, Recipe recipe, MethodChoice method, long seed)
    {
        JsonObject json = RunSettings.Of(task.Name, recipe, method);
        json["kind"] = kind;
        json["seed"] = seed;
        if (design.Budget != ComparisonBudget.Epochs)
            json["budget"] = ResultJson.Node(design.Budget);
        return json;
    }

    private StudyRun RunOf(RecipeTask task, MethodChoice method, long seed, WeightCurvatureOptions? curvature) =>
        new(task, method, method.BaseTraining(task.Recipe.Training) with { Seed = seed }, design.Budget, StepTime: null, curvature) { Features = features };

    private TuningRun Validate(string name, Recipe recipe, MethodChoice method, long seed, CellWork work)
    {
        long clock = Stopwatch.GetTimestamp();
        using RecipeTask task = images.Open(recipe, work.Cancellation);
        using FineTuningStart start = task.Prepare(seed);
        TrainingOptions options = RunOf(task, method, seed, null).WithBudget(start);
        var trainer = new Trainer(options, method.For(start, options))
        {
            Distribution = method.Distribution,
            Features = features,
            Note = new Relay<string>(note),
            Progress = new Relay<TrainingProgress>(p => work.Report((double)p.Step / p.Steps, () => $"{name}: epoch {p.Epoch} of {p.Epochs}")),
        };
        try
        {
            TrainingResult result = trainer.Run(
                start.Classifier.Network, start.Splits.Train, start.Splits.Validation, start.Classifier.Normalization, start.Classifier.ImageSize,
                work.Cancellation);
            return new TuningRun(
                result.Best.ValidationAccuracy, result.Best.ValidationLoss, result.TrainLoss, result.GradientEvaluations,
                Stopwatch.GetElapsedTime(clock).TotalSeconds);
        }
        catch (TrainingDivergedException e)
        {
            return new TuningRun(null, null, null, 0, Stopwatch.GetElapsedTime(clock).TotalSeconds, e.Message);
        }
    }

    /// <summary>What a folder keeps of a tuning run; null where it is not done.</summary>
    public static TuningRun? TuningIn(CellFolder? folder, Cell cell) => folder?.Read(cell)?.Deserialize<TuningRun>(ResultJson.Options);

    /// <summary>What a folder keeps of a run that is reported on; null where it is not done.</summary>
    public static StudyOutcome? FinalIn(CellFolder? folder, Cell cell) => folder?.Read(cell) is { } json ? StudyOutcome.Of(json) : null;
}
