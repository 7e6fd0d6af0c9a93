namespace Polder.Regularization;

/// <summary>
/// Where a fine-tuning started: a copy of the pre-trained weights that the distance is measured from. Layers without pre-training, the
/// head above all, are measured from zero.
/// </summary>
public sealed class StartWeights : IDisposable
{
    private readonly List<Layer> _layers;

    private StartWeights(List<Layer> layers) => _layers = layers;

    /// <summary>The names of the layers' weights, as <c>named_parameters</c> gives them.</summary>
    public IReadOnlyList<string> Names => [.. _layers.Select(l => l.Name)];

    internal IReadOnlyList<Layer> Layers => _layers;

    /// <summary>
    /// Remembers the weights of every layer of a model: the parameters of two or more dimensions (linear, convolution, embedding). Biases
    /// and the scales of normalization layers are no layers of their own and stay free.
    /// </summary>
    /// <param name="model">The model, with the pre-trained weights loaded and its data type and device final.</param>
    /// <param name="fromZero">Which names are measured from zero, for example the new head's; null is none.</param>
    /// <exception cref="ArgumentException">The model has no such parameter.</exception>
    public static StartWeights Of(nn.Module model, Func<string, bool>? fromZero = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var noGrad = no_grad();
        var layers = new List<Layer>();
        foreach (var (name, parameter) in model.named_parameters().Where(p => p.parameter.dim() >= 2))
            layers.Add(new Layer(name, parameter, fromZero?.Invoke(name) == true ? null : parameter.detach().clone().DetachFromDisposeScope()));
        return layers.Count > 0 ? new StartWeights(layers) : throw new ArgumentException("the model has no parameter of two or more dimensions", nameof(model));
    }

    /// <summary>The distance of each layer's weights, as they stand, from its start.</summary>
    /// <param name="norm">The norm.</param>
    public IReadOnlyDictionary<string, double> Distances(DistanceNorm norm = DistanceNorm.Frobenius)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _layers.ToDictionary(l => l.Name, l => norm == DistanceNorm.Frobenius
            ? l.Difference().norm().ToDouble()
            : RowSums(l.Difference()).max().ToDouble());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Layer layer in _layers)
            layer.Start?.Dispose();
    }

    internal static Tensor RowSums(Tensor matrix) => matrix.abs().flatten(1).sum(1, keepdim: true);

    /// <summary>One layer's weights.</summary>
    /// <param name="Name">The parameter's name.</param>
    /// <param name="Weight">The parameter.</param>
    /// <param name="Start">Its start; null is zero.</param>
    internal sealed record Layer(string Name, Parameter Weight, Tensor? Start)
    {
        /// <summary>W - W0, a new tensor of the caller's scope.</summary>
        public Tensor Difference() => Start is null ? Weight.detach().clone() : Weight.detach() - Start;
    }
}
