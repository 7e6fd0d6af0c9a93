using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Study;

/// <summary>Plans of studies as JSON files; <c>docs/guides/study.md</c> describes the members.</summary>
public static class StudyDesignFile
{
    private const int LargestFile = 1 << 20;

    // Below it an estimate of a trace says nothing of its own error.
    private const int LeastProducts = 20;

    private static readonly ValueRange Positive = ValueRange.Above(0);

    // Those that a comparison of two methods can be read from.
    private static readonly string[] Figures = ["balancedAccuracy", "macroF1", "quadraticKappa", "expectedCalibrationError"];

    private static readonly HashSet<string> RecipeMembers = [.. RecipeFields.All.Where(f => !f.IsOfOneRun).Select(f => f.Member)];

    /// <summary>Reads a plan and checks all that can be checked without data.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DataException">It cannot be read, or says something that is not allowed: the message names the file and the member.</exception>
    public static StudyDesign Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            if (!File.Exists(path))
                throw new DataException(path, Directory.Exists(path) ? "is a folder, not a plan of a study (a JSON file)" : "there is no such file");
            if (new FileInfo(path).Length > LargestFile)
                throw new DataException(path, $"has more than {LargestFile >> 20} MB: it is no plan of a study");
            return JsonNode.Parse(File.ReadAllText(path), null, new JsonDocumentOptions
            {
                AllowTrailingCommas = true,
                CommentHandling = JsonCommentHandling.Skip,
                AllowDuplicateProperties = false,
            }) is JsonObject json ? Parse(json, path) : throw new DataException(path, "is no JSON object");
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new DataException(path, $"is no plan of a study: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException(path, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a plan that is at hand.</summary>
    /// <param name="json">The object.</param>
    /// <param name="origin">The file that messages name.</param>
    /// <exception cref="DataException">It says something that is not allowed.</exception>
    public static StudyDesign Parse(JsonObject json, string origin)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentException.ThrowIfNullOrEmpty(origin);
        var plan = new PlanObject(json, origin, "");
        string name = plan.Text("study");
        plan.Node("about"); // words for readers
        JsonObject settings = plan.Settings("settings");
        RequireRecipe(plan, "settings", settings);
        StudyTask[] tasks = [.. plan.Objects("tasks").Select(TaskOf)];
        bool tuned = plan.Has("tuning");
        StudyEntry[] entries = [.. plan.Objects("methods").Select(o => EntryOf(o, tuned))];
        RequireDistinct(origin, "tasks", tasks.Select(t => t.Name));
        string[] methodNames = [.. entries.Select(e => e.Name)];
        RequireDistinct(origin, "methods", methodNames);
        var design = new StudyDesign(name, tasks, entries, plan.Seeds("seeds"))
        {
            Settings = settings,
            Budget = plan.Value("budget", ValueKind.Word("epochs", "gradients")) is "gradients" ? ComparisonBudget.Gradients : ComparisonBudget.Epochs,
            Tuning = plan.Object("tuning") is { } tuning ? TuningOf(tuning) : null,
            Curvature = plan.Object("curvature") is { } curvature ? CurvatureOf(curvature) : null,
            Bound = plan.Object("bound") is { } bound ? BoundOf(bound) : null,
            Questions = [.. plan.Objects("questions", optional: true).Select(o => PlanQuestions.Question(o, methodNames, [.. tasks.Select(t => t.Name)]))],
            Contrasts = [.. plan.Objects("contrasts", optional: true).Select(o => PlanQuestions.Contrast(o, methodNames))],
            Source = json.DeepClone().AsObject(),
        };
        plan.RequireNoRest("study, about, settings, tasks, methods, seeds, budget, tuning, curvature, bound, questions, contrasts");
        Check(design, origin);
        return design;
    }

    private static StudyTask TaskOf(PlanObject task)
    {
        string name = task.Text("name");
        string? figure = (string?)task.Value("figure", ValueKind.Word(Figures));
        return new StudyTask(name, RestOf(task, "name, figure", [])) { Figure = figure };
    }

    private static StudyEntry EntryOf(PlanObject entry, bool tuned)
    {
        string name = entry.Text("name");
        string word = entry.OptionalText("method") ?? name;
        if (!MethodRegistry.Names.Contains(word))
            throw entry.Wrong("method", word, string.Join(", ", MethodRegistry.Names));
        MethodEntry method = MethodRegistry.Named(word);
        StudyGrid? grid = null;
        bool isTuned = tuned;
        switch (entry.Node("tune"))
        {
            case null:
                break;
            case JsonValue value when value.TryGetValue(out bool flag):
                isTuned = tuned && flag;
                break;
            case JsonObject { Count: 1 } object1:
                string option = object1.First().Key;
                if (method.Options.FirstOrDefault(o => ResultJson.MemberName(o.Name) == option) is not { } found)
                    throw entry.Wrong("tune", object1, $"an option of {word}: {string.Join(", ", method.Options.Select(o => ResultJson.MemberName(o.Name)))}");
                grid = new StudyGrid(found.Name, entry.Object("tune")!.Numbers(option, Positive, least: 2));
                break;
            case var other:
                throw entry.Wrong("tune", other, "true, false, or an object of one option and its values");
        }
        return new StudyEntry(name, method, RestOf(entry, "name, method, tune", [.. method.Options.Select(o => ResultJson.MemberName(o.Name))]))
        {
            Grid = grid,
            IsTuned = isTuned,
        };
    }

    private static StudyTuning TuningOf(PlanObject tuning)
    {
        var made = new StudyTuning(tuning.Seeds("seeds"), tuning.Numbers("learningRates", Positive, least: 1))
        {
            RateFactors = tuning.Numbers("rateFactors", Positive, least: 0),
            Extensions = (int?)tuning.Value("extensions", ValueKind.Count(ValueRange.Between(0, 10))) ?? 2,
            PerTask = tuning.Value("perTask", ValueKind.Flag) is true,
        };
        tuning.RequireNoRest("seeds, learningRates, rateFactors, extensions, perTask");
        return made;
    }

    private static StudyCurvature CurvatureOf(PlanObject curvature)
    {
        var fresh = new WeightCurvatureOptions();
        var made = new StudyCurvature(
            new WeightCurvatureOptions
            {
                Samples = (int?)curvature.Value("samples", ValueKind.Count(ValueRange.AtLeast(1))) ?? fresh.Samples,
                RelativeError = (double?)curvature.Value("relativeError", ValueKind.Number(Positive)) ?? fresh.RelativeError,
                Tolerance = (double?)curvature.Value("tolerance", ValueKind.Number(Positive)) ?? fresh.Tolerance,
                MaxProducts = (int?)curvature.Value("maxProducts", ValueKind.Count(ValueRange.AtLeast(LeastProducts))) ?? fresh.MaxProducts,
                AtLoss = (double?)curvature.Value("atLoss", ValueKind.Number(Positive)),
                AtBestEpoch = curvature.Value("atBestEpoch", ValueKind.Flag) is true,
                Radius = (double?)curvature.Value("radius", ValueKind.Number(Positive)),
                Augmentation = AugmentationOf(curvature),
                AllParameters = curvature.Value("allParameters", ValueKind.Flag) is true,
            },
            curvature.Seeds("seeds"));
        curvature.RequireNoRest("seeds, samples, relativeError, tolerance, maxProducts, atLoss, atBestEpoch, radius, augment, allParameters");
        return made;
    }

    private static Augmentation AugmentationOf(PlanObject curvature)
    {
        RecipeField augment = WeightCurvatureOptions.AugmentField;
        return augment.With(new Recipe(), curvature.Value(augment.Member, augment.Kind) ?? augment.ValueIn(new Recipe())).Training.Augmentation;
    }

    private static StudyBound BoundOf(PlanObject bound)
    {
        var fresh = new RunBoundOptions();
        var made = new StudyBound(
            new RunBoundOptions
            {
                Sigmas = bound.Has("sigmas") ? bound.Numbers("sigmas", Positive, least: 1) : fresh.Sigmas,
                Draws = (int?)bound.Value("draws", ValueKind.Count(ValueRange.AtLeast(1))) ?? fresh.Draws,
                Products = (int?)bound.Value("products", ValueKind.Count(ValueRange.AtLeast(LeastProducts))) ?? fresh.Products,
            },
            bound.Seeds("seeds"));
        bound.RequireNoRest("seeds, sigmas, draws, products");
        return made;
    }

    // What an object has beside its own members is settings.
    private static JsonObject RestOf(PlanObject plan, string own, IReadOnlyList<string> options)
    {
        var settings = new JsonObject(plan.Rest.Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
        if (settings.FirstOrDefault(member => !RecipeMembers.Contains(member.Key) && !options.Contains(member.Key)) is { Key: { } name, Value: var value })
            throw plan.Wrong(name, value, $"no such setting; there are {own}, those of polder compare (learningRate, epochs, ...)"
                + (options.Count > 0 ? $", and the method's: {string.Join(", ", options)}" : ""));
        return settings;
    }

    private static void RequireRecipe(PlanObject plan, string member, JsonObject settings)
    {
        if (settings.FirstOrDefault(m => !RecipeMembers.Contains(m.Key)) is { Key: { } name, Value: var value })
            throw plan.Wrong($"{member}.{name}", value, "a setting of polder compare (learningRate, epochs, ...); options of a method stand with the method");
    }

    private static void RequireDistinct(string origin, string member, IEnumerable<string> names)
    {
        if (names.CountBy(name => name).FirstOrDefault(count => count.Value > 1).Key is { } twice)
            throw new DataException(origin, $"{member}: found the name {twice} twice, allowed: names that differ");
    }

    private static void Check(StudyDesign design, string origin)
    {
        if (design.Tuning is { } tuning)
        {
            if (tuning.Seeds.Intersect(design.Seeds).Any())
                throw new DataException(origin, $"tuning.seeds: found {ValueKind.TextOf(tuning.Seeds)}, allowed: seeds that are not reported on");
            if (!design.Entries.Any(e => e.IsTuned && e.Grid is null))
                throw new DataException(origin, "methods: none is tuned by its learning rate alone (base), and that is where strengths are tried");
        }
        else if (design.Entries.FirstOrDefault(e => e.Grid is not null) is { } untuned)
        {
            throw new DataException(origin, $"methods: {untuned.Name} has tune, and the plan has no tuning");
        }
        if (design.Curvature is { } curvature && curvature.Seeds.Except(design.Seeds).Any())
            throw new DataException(origin, $"curvature.seeds: found {ValueKind.TextOf(curvature.Seeds)}, allowed: some of {ValueKind.TextOf(design.Seeds)}");
        if (design.Bound is { } bound && bound.Seeds.Except(design.Seeds).Any())
            throw new DataException(origin, $"bound.seeds: found {ValueKind.TextOf(bound.Seeds)}, allowed: some of {ValueKind.TextOf(design.Seeds)}");
        design.Curvature?.Options.Validate();
        design.Bound?.Options.Validate();
        foreach (StudyTask task in design.Tasks)
            foreach (StudyEntry entry in design.Entries)
            {
                try
                {
                    double? rate = entry.IsTuned ? design.Tuning?.LearningRates[0] : null;
                    var (recipe, _) = new StudySetting(entry, rate, entry.Grid?.Values[0]).On(design, task, origin);
                    recipe.Validate();
                }
                catch (Exception e) when (e is SettingException or ArgumentOutOfRangeException)
                {
                    string message = e is SettingException setting ? setting.Describe(ResultJson.MemberName) : e.Message;
                    throw new DataException(origin, $"{entry.Name} on {task.Name}: {message}", e);
                }
            }
    }
}
