namespace Polder.Experiments.Comparison;

/// <summary>What a training began with, and how far it has come from there.</summary>
/// <param name="network">The network, before it is trained.</param>
internal sealed class TrainingStart(ImageClassifier network) : IDisposable
{
    private readonly Snapshot _start = new(network);

    /// <summary>|W - W0| over the trained weights of the body, whose start is the pre-trained network; null where the head alone is trained.</summary>
    public double? BodyDistance()
    {
        var head = network.Head.parameters().Select(p => p.Handle).ToHashSet();
        Parameter[] body = [.. network.parameters().Where(p => p.requires_grad && !head.Contains(p.Handle))];
        return body.Length == 0 ? null : At(body, WeightDistance.Between);
    }

    /// <summary>Does something with all trained weights and their start, while the running statistics are the start's; they are back afterwards.</summary>
    public T WithItsStatistics<T>(Func<ParameterSpace, ParameterVector, T> look)
    {
        using var own = new Snapshot(network);
        try
        {
            return At([.. network.parameters().Where(p => p.requires_grad)], (space, origin) =>
            {
                TakeStatistics();
                return look(space, origin);
            });
        }
        finally
        {
            own.Restore();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _start.Dispose();

    private T At<T>(Parameter[] parameters, Func<ParameterSpace, ParameterVector, T> look)
    {
        ParameterSpace space = ParameterSpace.Of(parameters);
        using ParameterVector origin = space.CreateVector();
        using (var own = new Snapshot(network))
        {
            _start.Restore();
            using (no_grad())
                foreach (var (block, parameter) in origin.Blocks.Zip(space.Parameters))
                    block.copy_(parameter);
            own.Restore();
        }
        return look(space, origin);
    }

    private void TakeStatistics()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor[] trained = [.. network.parameters().Select(p => p.detach().clone())];
        _start.Restore();
        foreach (var (parameter, value) in network.parameters().Zip(trained))
            parameter.copy_(value);
    }
}
