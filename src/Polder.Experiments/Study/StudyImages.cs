namespace Polder.Experiments.Study;

/// <summary>
/// The tasks of a study, opened when a run needs them: images are decoded once and kept for the runs that follow, as many as there is room for. A study goes
/// from task to task, so those that were not asked for longest go first, and are decoded again when their turn comes.
/// </summary>
/// <param name="root">The folder that relative paths of data and weights are found from; empty: the present one.</param>
/// <param name="note">Told in words what is read.</param>
/// <param name="mostBytes">The pixels that are kept beside those at hand; null: an eighth of the machine's memory.</param>
internal sealed class StudyImages(string root, IProgress<string>? note, long? mostBytes = null) : IDisposable
{
    // A study has several jobs, and each needs room for networks and features, too.
    private readonly long _mostBytes = mostBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8;
    // The latest is last.
    private readonly List<(string Key, ImageData Data, long Bytes)> _decoded = [];
    private RecipeTask? _demo;

    /// <summary>Opens a recipe; the caller disposes of it.</summary>
    /// <param name="recipe">The recipe, with paths as the plan has them.</param>
    /// <param name="cancellation">Stops decoding.</param>
    public RecipeTask Open(Recipe recipe, CancellationToken cancellation)
    {
        Recipe located = Locate(recipe);
        if (located.IsDemo)
            return (_demo ??= new Recipe().Open(progress: null, cancellation)).With(located);
        // Parts and labels are made of the decoded images, and are no reason to decode them again.
        Recipe bare = new() { Data = located.Data with { PerClass = null, Fraction = null, LabelNoise = 0 }, Start = located.Start };
        return located.Open(Decoded(bare, recipe.Data.Source, cancellation), cancellation: cancellation);
    }

    /// <inheritdoc/>
    public void Dispose() => _demo?.Dispose();

    private ImageData Decoded(Recipe bare, string source, CancellationToken cancellation)
    {
        string key = RecipeJson.Write(bare).ToJsonString();
        if (_decoded.FindIndex(d => d.Key == key) is >= 0 and var place)
        {
            var known = _decoded[place];
            _decoded.RemoveAt(place);
            _decoded.Add(known);
            return known.Data;
        }
        ImageData data = bare.OpenImages(cancellation: cancellation);
        ImageSet all = data.All;
        note?.Report($"{source}: {all.Count} images" + string.Concat(data.Warnings.Concat(data.Remarks).Select(line => $"; {line}")));
        _decoded.Add((key, data, (long)all.Count * all.Channels * all.Height * all.Width));
        while (_decoded.Count > 1 && _decoded.Sum(d => d.Bytes) > _mostBytes)
            _decoded.RemoveAt(0);
        return data;
    }

    private Recipe Locate(Recipe recipe) => recipe with
    {
        Data = ImageSources.BuiltIn.Contains(recipe.Data.Source) ? recipe.Data : recipe.Data with { Source = Below(recipe.Data.Source) },
        Start = recipe.Start.Weights is not { } weights || WeightsCache.IsName(weights) ? recipe.Start : recipe.Start with { Weights = Below(weights) },
    };

    private string Below(string path) => root.Length == 0 || Path.IsPathRooted(path) ? path : Path.Combine(root, path);
}
