namespace Polder.Generalization;

/// <summary>
/// A smooth, bounded stand-in for the cross entropy: -ln(q / K + (1 - q) p_y), with p_y the predicted probability of the label and K
/// classes. It lies between 0 and C = ln(K / q), as bounds of a loss need it; a uniform guess has ln K.
/// </summary>
public sealed class BoundedCrossEntropy
{
    private readonly double _floor;

    /// <summary>Makes the loss.</summary>
    /// <param name="classes">K, 2 or more.</param>
    /// <param name="smoothing">q, between 0 and 1: the smaller, the nearer to the cross entropy, and the larger its bound.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public BoundedCrossEntropy(int classes, double smoothing = 0.01)
    {
        Require.That(classes >= 2, classes, "2 or more");
        Require.Inside(smoothing);
        (Classes, Smoothing, _floor) = (classes, smoothing, smoothing / classes);
    }

    /// <summary>The number K of classes.</summary>
    public int Classes { get; }

    /// <summary>q.</summary>
    public double Smoothing { get; }

    /// <summary>C = ln(K / q): what a prediction without any probability for the label costs.</summary>
    public double LargestLoss => Math.Log(Classes / Smoothing);

    /// <summary>ln K: what a uniform guess costs.</summary>
    public double GuessLoss => Math.Log(Classes);

    /// <summary>The loss of a batch, with its graph.</summary>
    /// <param name="logits">N x K.</param>
    /// <param name="labels">N class numbers, int64.</param>
    /// <param name="reduction">How the examples' losses are put together; the mean by default.</param>
    /// <returns>One number, or N where nothing is reduced; owned by the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The logits have another shape.</exception>
    public Tensor Of(Tensor logits, Tensor labels, nn.Reduction reduction = nn.Reduction.Mean)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(labels);
        if (logits.dim() != 2 || logits.shape[1] != Classes || labels.dim() != 1 || labels.shape[0] != logits.shape[0])
        {
            throw new ArgumentException(
                $"logits have shape [{string.Join(", ", logits.shape)}] and labels [{string.Join(", ", labels.shape)}]; allowed are [N, {Classes}] and [N]",
                nameof(logits));
        }
        using var scope = NewDisposeScope();
        Tensor probability = logits.softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1);
        Tensor losses = (_floor + ((1 - Smoothing) * probability)).log().neg();
        return (reduction switch
        {
            nn.Reduction.None => losses,
            nn.Reduction.Sum => losses.sum(),
            _ => losses.mean(),
        }).MoveToOuterDisposeScope();
    }
}
