namespace Polder.Vision.Classifiers;

/// <summary>What became of an image since a run.</summary>
public enum ImageChangeKind
{
    /// <summary>It was not there: it is in no part of the run.</summary>
    Added,

    /// <summary>It has another name; it is in its part.</summary>
    Renamed,

    /// <summary>It is in another class; it is in its part, with the class of today.</summary>
    Relabelled,

    /// <summary>Another image has its name: that one is in no part of the run.</summary>
    Changed,

    /// <summary>It is gone.</summary>
    Removed,
}

/// <summary>An image that is not what it was.</summary>
/// <param name="Kind">What became of it.</param>
/// <param name="Name">Its name, with what it is now.</param>
/// <param name="Part">The part of the run that it was in; empty where it was not there.</param>
public sealed record ImageChange(ImageChangeKind Kind, string Name, string Part);

/// <summary>The images of a run in the data of today.</summary>
/// <param name="Splits">The parts of the run, in their order, as far as they are found; a part may be empty.</param>
/// <param name="Changes">What is not as it was.</param>
/// <param name="Count">Images of the run that are found.</param>
/// <param name="Known">Images that the run knew.</param>
public sealed record FoundImages(DataSplits Splits, IReadOnlyList<ImageChange> Changes, int Count, int Known)
{
    private const int Named = 3;

    /// <summary>Whether this is the data of the run: half of its images or more are found.</summary>
    public bool IsOfRun => 2 * Count >= Known;

    /// <summary>The changes in words, a line for each kind, the first few images by name.</summary>
    public IReadOnlyList<string> Lines =>
    [
        .. Changes.GroupBy(c => c.Kind).OrderBy(g => g.Key).Select(g => $"{g.Count()} image(s) {g.Key switch
        {
            ImageChangeKind.Added => "were added since the run and are in none of its parts",
            ImageChangeKind.Renamed => "were renamed since the run and are in their parts",
            ImageChangeKind.Relabelled => "are in another class than in the run",
            ImageChangeKind.Changed => "were changed since the run and are in none of its parts",
            _ => "were removed since the run",
        }}: {Some(g)}"),
    ];

    /// <summary>These, if the training can go on with them: its images are what they were.</summary>
    /// <param name="source">The data.</param>
    /// <param name="run">The images of the run.</param>
    /// <exception cref="DataException">A training or validation image is gone, changed, or in another class, which the message names, or the classes
    /// are others.</exception>
    internal FoundImages Trainable(string source, RunImages run)
    {
        if (!Splits.Train.Classes.SequenceEqual(run.Metadata.Classes))
            throw new DataException(source, $"has {Splits.Train.Classes.Count} classes, "
                + $"allowed: the {run.Metadata.Classes.Count} of the run, by their names: {string.Join(", ", run.Metadata.Classes)}");
        ImageChange[] lost =
        [
            .. Changes.Where(c => c.Part is "train" or "validation"
                && c.Kind is ImageChangeKind.Removed or ImageChangeKind.Changed or ImageChangeKind.Relabelled),
        ];
        if (lost.Length > 0)
            throw new DataException(source, $"{lost.Length} training or validation image(s) of the run were removed or changed, "
                + $"so that it cannot go on as it began: {Some(lost)}; they were in {run.Place}");
        return Splits.Test.Count > 0 ? this : throw new DataException(source, $"holds none of the run's test images, which were in {run.Place}");
    }

    private static string Some(IEnumerable<ImageChange> changes) =>
        string.Join(", ", changes.Take(Named).Select(c => c.Name)) + (changes.Count() > Named ? ", ..." : "");
}
