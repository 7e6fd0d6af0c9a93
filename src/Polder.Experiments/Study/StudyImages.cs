namespace Polder.Experiments.Study;

/// <summary>The tasks of a study, opened when a run needs them: images are decoded once, and kept for the runs that follow.</summary>
/// <param name="root">The folder that relative paths of data and weights are found from; empty: the present one.</param>
/// <param name="note">Told in words what is read.</param>
internal sealed class StudyImages(string root, IProgress<string>? note) : IDisposable
{
    private RecipeTask? _demo;
    private readonly Dictionary<string, ImageData> _decoded = [];

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
        string key = RecipeJson.Write(bare).ToJsonString();
        if (!_decoded.TryGetValue(key, out ImageData? data))
        {
            data = bare.OpenImages(cancellation: cancellation);
            note?.Report($"{recipe.Data.Source}: {data.All.Count} images" + string.Concat(data.Warnings.Concat(data.Remarks).Select(line => $"; {line}")));
            _decoded[key] = data;
        }
        return located.Open(data, cancellation: cancellation);
    }

    /// <inheritdoc/>
    public void Dispose() => _demo?.Dispose();

    private Recipe Locate(Recipe recipe) => recipe with
    {
        Data = ImageSources.BuiltIn.Contains(recipe.Data.Source) ? recipe.Data : recipe.Data with { Source = Below(recipe.Data.Source) },
        Start = recipe.Start.Weights is not { } weights || WeightsCache.IsName(weights) ? recipe.Start : recipe.Start with { Weights = Below(weights) },
    };

    private string Below(string path) => root.Length == 0 || Path.IsPathRooted(path) ? path : Path.Combine(root, path);
}
