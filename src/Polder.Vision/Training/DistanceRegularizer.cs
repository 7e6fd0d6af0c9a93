namespace Polder.Vision.Training;

/// <summary>The distance to the pre-trained weights in one training: a projection on the optimizer, and a penalty on each step's objective.</summary>
internal sealed class DistanceRegularizer : IDisposable
{
    private readonly StartWeights _start;
    private readonly DistancePenalty? _penalty;

    private DistanceRegularizer(DistanceOptions options, ImageClassifier model, FlatMinimaOptimizer optimizer)
    {
        bool IsHead(string name) => name.StartsWith(model.HeadName + ".", StringComparison.Ordinal);
        _start = StartWeights.Of(model, IsHead);
        if (options.Penalty > 0)
            _penalty = new DistancePenalty(_start, options.Penalty, options.Norm);
        if (options.Radius is not null || options.HeadRadius is not null)
            optimizer.Hooks.Add(new DistanceProjection(
                _start, name => (IsHead(name) ? options.HeadRadius : options.Radius) ?? double.PositiveInfinity, options.Norm));
    }

    /// <summary>Starts from the weights as they are; null where the options ask for nothing.</summary>
    public static DistanceRegularizer? Of(DistanceOptions? options, ImageClassifier model, FlatMinimaOptimizer optimizer) =>
        options is { Penalty: > 0 } or { Radius: not null } or { HeadRadius: not null } ? new(options, model, optimizer) : null;

    /// <summary>The step's objective with the penalty, if there is one.</summary>
    public IObjective On(IObjective objective) => _penalty?.On(objective) ?? objective;

    /// <inheritdoc/>
    public void Dispose() => _start.Dispose();
}
