namespace Polder.Vision.Models;

/// <summary>A part of a network's body (<see cref="ImageClassifier.Stages"/>): the stem, a residual block, the average at its end.</summary>
/// <param name="forward">Computes it: a fresh tensor of the caller's dispose scope; the input stays as it is.</param>
/// <param name="modules">The layers that it is made of; none where it has no parameters.</param>
public sealed class BodyStage(Func<Tensor, Tensor> forward, params IReadOnlyList<nn.Module> modules)
{
    /// <summary>Computes it.</summary>
    public Func<Tensor, Tensor> Forward { get; } = forward ?? throw new ArgumentNullException(nameof(forward));

    /// <summary>The layers that it is made of.</summary>
    public IReadOnlyList<nn.Module> Modules { get; } = modules ?? throw new ArgumentNullException(nameof(modules));
}
