namespace Polder.Vision.Training;

/// <summary>A copy of a model's parameters and buffers.</summary>
public sealed class Snapshot : IDisposable
{
    private readonly List<(Tensor Source, Tensor Copy)> _tensors = [];

    /// <summary>Copies a model's parameters and buffers.</summary>
    /// <param name="model">The model.</param>
    public Snapshot(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (Tensor tensor in model.parameters().Cast<Tensor>().Concat(model.buffers()))
            _tensors.Add((tensor, tensor.clone().DetachFromDisposeScope()));
    }

    /// <summary>The copied values: parameters, then buffers.</summary>
    internal IReadOnlyList<Tensor> Copies => [.. _tensors.Select(t => t.Copy)];

    /// <summary>Takes the same model's values again.</summary>
    public void Take()
    {
        using var noGrad = no_grad();
        foreach (var (source, copy) in _tensors)
            copy.copy_(source);
    }

    /// <summary>Puts the copied values back into the model.</summary>
    public void Restore()
    {
        using var noGrad = no_grad();
        foreach (var (source, copy) in _tensors)
            source.copy_(copy);
    }

    /// <summary>Moves the model a part of the straight way from its values to the copied ones; whole numbers stay what they are.</summary>
    /// <param name="share">How much of the way: 0 is nothing, 1 is all of it.</param>
    public void Approach(double share)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (source, copy) in _tensors)
            if (source.is_floating_point())
                source.add_(copy.sub(source), alpha: Number(share));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, copy) in _tensors)
            copy.Dispose();
    }
}
