namespace Polder.Experiments.Comparison;

/// <summary>What a training began with, and how far it has come from there. The only copy of it: the network itself is never put back.</summary>
/// <param name="network">The network, before it is trained.</param>
internal sealed class TrainingStart(ImageClassifier network) : IDisposable
{
    private readonly (Parameter Parameter, Tensor Start)[] _parameters = [.. network.parameters().Select(p => (p, CopyOf(p)))];
    private readonly (Tensor Now, Tensor Start)[] _statistics = [.. network.buffers().Select(b => (b, CopyOf(b)))];

    /// <summary>|W - W0| over the trained weights of the body, whose start is the pre-trained network; null where the head alone is trained.</summary>
    public double? BodyDistance()
    {
        var head = network.Head.parameters().Select(p => p.Handle).ToHashSet();
        (Parameter, Tensor)[] body = [.. Trained().Where(p => !head.Contains(p.Parameter.Handle))];
        return body.Length == 0 ? null : At(body, WeightDistance.Between);
    }

    /// <summary>Does something with all trained weights and their start, while the running statistics are the start's; they are back afterwards.</summary>
    public T WithItsStatistics<T>(Func<ParameterSpace, ParameterVector, T> look)
    {
        Tensor[] own = [.. _statistics.Select(s => CopyOf(s.Now))];
        try
        {
            Put(_statistics.Select(s => (s.Now, s.Start)));
            return At(Trained(), look);
        }
        finally
        {
            Put(_statistics.Zip(own, (s, value) => (s.Now, value)));
            Array.ForEach(own, tensor => tensor.Dispose());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor copy in _parameters.Select(p => p.Start).Concat(_statistics.Select(s => s.Start)))
            copy.Dispose();
    }

    private IEnumerable<(Parameter Parameter, Tensor Start)> Trained() => _parameters.Where(p => p.Parameter.requires_grad);

    private static T At<T>(IEnumerable<(Parameter Parameter, Tensor Start)> trained, Func<ParameterSpace, ParameterVector, T> look)
    {
        ParameterSpace space = ParameterSpace.Of(trained.Select(p => p.Parameter));
        using ParameterVector origin = space.CreateVector();
        Put(origin.Blocks.Zip(trained, (block, parameter) => (block, parameter.Start)));
        return look(space, origin);
    }

    private static Tensor CopyOf(Tensor tensor)
    {
        using var noGrad = no_grad();
        return tensor.clone().DetachFromDisposeScope();
    }

    private static void Put(IEnumerable<(Tensor To, Tensor Value)> values)
    {
        using var noGrad = no_grad();
        foreach ((Tensor to, Tensor value) in values)
            to.copy_(value);
    }
}
