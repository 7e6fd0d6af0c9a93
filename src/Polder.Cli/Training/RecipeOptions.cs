using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary>The options that say what is trained on what and how, the same for every command that fine-tunes: they fill a <see cref="Recipe"/>.</summary>
internal sealed class RecipeOptions
{
    private readonly IReadOnlyList<(RecipeField Field, ICliOption Option)> _fields;
    private readonly CliOption<string?> _config = CommonOptions.Config();

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="draws">The default of --draws: a comparison gives one-point noise as many gradients as a pair of nso takes.</param>
    /// <param name="ofOneRun">Whether it makes one fine-tuning, with what only such a one does.</param>
    public RecipeOptions(PolderCommand command, int draws, bool ofOneRun = false)
    {
        _fields = [.. RecipeFields.All.Where(field => ofOneRun || !field.IsOfOneRun).Select(field => (field, FieldOption.Of(field)))];
        foreach ((RecipeField field, ICliOption option) in _fields)
            command.Add(Enum.Parse<Heading>(field.Heading, ignoreCase: true), option);
        Methods = new MethodOptionSet(command, (method, option) => (method, option) == ("wp", "draws") ? draws : null);
        command.UseConfiguration(_config);
    }

    /// <summary>The options of the methods.</summary>
    public MethodOptionSet Methods { get; }

    /// <summary>
    /// Whether an option of a file goes with the methods that were typed: where they are, options that none of them has belong to the file's.
    /// </summary>
    /// <param name="option">The option.</param>
    /// <param name="methods">What was typed for the methods; null where nothing was.</param>
    public bool Fits(Option option, string? methods)
    {
        string[] typed = [.. (methods ?? "all").Split(',').Select(entry => entry.Split('+')[0])];
        return typed.Contains("all") || Methods.IsTakenBy(option, typed);
    }

    /// <summary>The recipe that the options ask for, with what they leave open still open; its method is the caller's to choose.</summary>
    /// <exception cref="SettingException">An option was given that would change nothing.</exception>
    public Recipe Fill(CommandContext context, long seed)
    {
        var given = _fields.Where(f => context.IsGiven((Option)f.Option)).ToArray();
        Recipe recipe = given.Aggregate(new Recipe { Seed = seed }, (r, f) => f.Field.With(r, context.ValueOf(f.Option)));
        foreach ((RecipeField field, _) in given)
            field.RequireEffect(recipe);
        if (recipe.Threads is { } threads)
            context.PreferThreads(threads);
        return recipe;
    }

    /// <summary>Opens data and weights for several methods, each of which gets the base optimizer's rate.</summary>
    public RecipeTask OpenFor(CommandContext context, Recipe recipe, IReadOnlyList<MethodChoice> methods)
    {
        // The recipe's own method plays no part: each is fitted to the training by itself.
        Recipe plain = recipe with { Method = MethodChoice.Create("base") };
        plain.Validate();
        foreach (MethodChoice method in methods)
            method.BaseTraining(plain.Training);
        return Open(context, plain);
    }

    /// <summary>Opens data and weights with progress; what every setting came to be is in the context's settings then.</summary>
    public RecipeTask Open(CommandContext context, Recipe recipe)
    {
        RunFolder? run = context.IsResumed ? context.Folder : null;
        if (run is not null)
            recipe = ImageReading.Located(context, recipe, run);
        RecipeTask task = context.Output.Track(recipe.IsDemo ? "pre-training on digits 0-4" : "reading images", 1, tracker => run is null
            ? recipe.Open(ImageReading.ProgressOf(tracker), context.Cancellation)
            : recipe.Resume(run, ImageReading.ProgressOf(tracker), context.Cancellation));
        ImageReading.WarnOfSkipped(context, task.Skipped, task.Warnings, task.Remarks);
        ImageReading.WarnOfChanges(context, task.Recipe.Data.Source, task.Changes);
        if (run is { Images: null } && !recipe.IsDemo && File.Exists(run.ResumeFile))
            ImageReading.WarnOfUnknown(context, run);
        ShowEffective(context, task.Recipe);
        return task;
    }

    /// <summary>Puts a recipe's values into the settings.</summary>
    public void ShowEffective(CommandContext context, Recipe recipe)
    {
        foreach ((RecipeField field, ICliOption option) in _fields)
            context.SetEffective(option, field.ValueIn(recipe));
    }

    /// <summary>Checks that a start can be trained with some methods, before a run folder is made, and says which of them do nothing.</summary>
    public static void RequireTrainable(CommandContext context, FineTuningStart start, TrainingOptions training, params IReadOnlyList<MethodChoice> methods)
    {
        context.Output.Verbose($"{start.RequireTrainable(training).Verdicts.Count} distinct convolutions checked against float64: all right");
        foreach (string setting in start.Idle(training))
            context.Output.Warn(setting);
        ImageReading.SayOf(context, training.Precision);
        foreach (MethodChoice method in methods)
            if (method.Idle(start, training) is { } idle)
                context.Output.Warn(idle);
    }

    /// <summary>Warns of images that are in two parts, or trained on under two labels.</summary>
    public static IReadOnlyList<Duplicate> WarnOfDuplicates(CommandContext context, DataSplits splits)
    {
        IReadOnlyList<Duplicate> found = Duplicates.Across(splits);
        if (found.FirstOrDefault(d => d.Part == d.SeenPart) is { } two)
            context.Output.Warn($"{found.Count(d => d.Part == d.SeenPart)} training image(s) are there again under another label, "
                + $"such as {two.Origin} = {two.SeenOrigin}");
        foreach (IGrouping<(string Part, string SeenPart), Duplicate> group in found.Where(d => d.Part != d.SeenPart).GroupBy(d => (d.Part, d.SeenPart)))
        {
            Duplicate first = group.First();
            int wrong = group.Count(d => !d.SameLabel);
            context.Output.Warn(
                $"{group.Count()} image(s) of the {group.Key.Part} part are in the {group.Key.SeenPart} part, "
                    + $"too, such as {first.Origin} = {first.SeenOrigin}" +
                (wrong > 0 ? $"; {wrong} of them with another label" : ""));
        }
        return found;
    }
}
