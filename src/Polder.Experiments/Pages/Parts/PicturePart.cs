namespace Polder.Experiments.Pages;

/// <summary>The pictures of a run: samples, what it got wrong, what it was unsure of, and which labels may be wrong.</summary>
/// <param name="run">The run, which knows its images.</param>
/// <param name="pictures">Its images; null: none are shown.</param>
internal sealed class PicturePart(RunFolder run, RunPictures? pictures)
{
    private const int MostWrong = 24, MostOthers = 12, Samples = 18;

    private int _missing, _asked;

    /// <summary>What to say of pictures that were not found; null where all were. Ask after the sections.</summary>
    public string? Missing => pictures is null ? "Pictures were left out (--no-pictures)."
        : _missing == 0 ? null
        : $"{_missing} of {_asked} pictures are not shown: their files were changed or removed since, or the data is not where the run found it"
            + $"{(run.Images is { } images ? $" ({images.Place})" : "")}.";

    /// <summary>The test images that were taken for another class, the surest first.</summary>
    public PageSection Wrong(ImagePredictions test)
    {
        int[] wrong = [.. Enumerable.Range(0, test.Count).Where(i => !test.IsRight(i)).OrderByDescending(test.ConfidenceOf).ThenBy(i => i)];
        if (wrong.Length == 0)
            return new PageSection("What it got wrong", "Nothing: every test image was taken for its class.") { ShortTitle = "Errors" };
        const string order = "those first of which the network was surest";
        string which = wrong.Length > MostWrong ? $"{MostWrong} of {Words.Count(wrong.Length)} wrong test images, {order}"
            : wrong.Length == 1 ? "The only wrong test image" : $"All {wrong.Length} wrong test images, {order}";
        return new PageSection(
            "What it got wrong", $"{which}. A confident error is often a wrong label.",
            Pictures("test", test, wrong.Take(MostWrong)))
        { ShortTitle = "Errors" };
    }

    /// <summary>The test images whose two most probable classes are closest.</summary>
    public PageSection Uncertain(ImagePredictions test)
    {
        int[] unsure = [.. Enumerable.Range(0,
            test.Count).Where(i => test.Classes[i].Count > 1).OrderBy(i => test.Probabilities[i][0] - test.Probabilities[i][1])
            .ThenBy(i => i).Take(MostOthers)];
        return new PageSection(
            "What it was least sure of", "Test images whose two most probable classes are nearest to each other, right or wrong.",
            Pictures("test", test, unsure, withSecond: true))
        { ShortTitle = "Least sure" };
    }

    /// <summary>The training images that the network took for another class, by their loss.</summary>
    public PageSection LikelyWrongLabels(ImagePredictions train)
    {
        int[] suspects = [.. Enumerable.Range(0, train.Count).Where(i => !train.IsRight(i)).OrderByDescending(i => train.Losses[i]).ThenBy(i => i)];
        const string title = "Labels that may be wrong", shortTitle = "Labels";
        if (suspects.Length == 0)
            return new PageSection(
                title, $"None stands out: the network takes each of its {Words.Of(train.Count, "training image")} for the class that it is labelled with. "
                    + "A network that is trained long enough learns wrong labels by heart; fewer epochs would show them.")
            { ShortTitle = shortTitle };
        return new PageSection(
            title, $"Training images that the network takes for another class although it was trained on their label: {Words.Count(suspects.Length)} of "
                + $"{Words.Count(train.Count)}, the highest loss first. Look at these before anything else when labels are to be checked.",
            Pictures("train", train, suspects.Take(MostOthers)))
        { ShortTitle = shortTitle };
    }

    /// <summary>Some training images of each class; null where the run does not know them.</summary>
    public PagePictures? SamplesOf()
    {
        if (pictures is null || run.Images?.Parts.GetValueOrDefault("train") is not { } train || train.Labels.Count == 0)
            return null;
        string[] classes = [.. run.Images.Classes];
        IReadOnlyList<int> labels = train.Trained ?? train.Labels;
        int each = Math.Max(1, Samples / classes.Length);
        int[] shown = [.. labels.Index().GroupBy(l => l.Item).OrderBy(g => g.Key).SelectMany(g => g.Take(each)).Take(Samples).Select(l => l.Index)];
        return new PagePictures([.. shown.Select(i => new PagePicture(
            Uri("train", i), $"training image {NameOf("train", i)} of the class {classes[labels[i]]}", classes[labels[i]]))]);
    }

    private PagePictures Pictures(string part, ImagePredictions predictions, IEnumerable<int> shown, bool withSecond = false)
    {
        IReadOnlyList<string> classes = run.Predictions!.Classes;
        return new PagePictures(
        [
            .. shown.Select(i =>
            {
                string label = classes[predictions.Labels[i]], said = classes[predictions.PredictedOf(i)], sure = Words.Percent(predictions.ConfidenceOf(i));
                string second = withSecond ? $", or {classes[predictions.Classes[i][1]]}, {Words.Percent(predictions.Probabilities[i][1])}" : "";
                return new PagePicture(
                    pictures is null ? null : Uri(part, i), $"{NameOf(part, i)}: labelled {label}, taken for {said} with {sure}",
                    $"said {said}, {sure}{second}", predictions.IsRight(i) ? "is so" : $"is {label}")
                {
                    IsWrong = !predictions.IsRight(i),
                };
            }),
        ]);
    }

    private string? Uri(string part, int index)
    {
        _asked++;
        string? uri = pictures!.DataUri(part, index);
        if (uri is null)
            _missing++;
        return uri;
    }

    private string NameOf(string part, int index) =>
        run.Images?.Parts.GetValueOrDefault(part)?.Names is { } names && index < names.Count ? names[index] : $"image {index} of {part}";
}
