namespace Polder.Vision.Models;

/// <summary>
/// The learning rates that an architecture is trained with where nobody says otherwise: batch 32, momentum 0.9, half a cosine to 0. They beat fixed
/// features on the sets that docs/results/learning-rates.md lists, and are a start, not the best of every set.
/// </summary>
/// <param name="FineTuning">SGD, all of a network whose weights are pre-trained.</param>
/// <param name="Head">SGD, the head alone on a frozen body.</param>
/// <param name="Scratch">SGD, all of a network with random weights.</param>
/// <param name="Adaptive">Adam and AdamW, all of a network; they divide by the gradient's size, so the rate is of the size of a step.</param>
public sealed record LearningRates(double FineTuning, double Head, double Scratch, double Adaptive)
{
    /// <summary>The rate for a training.</summary>
    /// <param name="pretrained">Whether the weights are pre-trained.</param>
    /// <param name="headAlone">Whether the body is frozen.</param>
    /// <param name="adaptive">Whether the optimizer is Adam or AdamW.</param>
    public double For(bool pretrained, bool headAlone, bool adaptive) => adaptive ? Adaptive : headAlone ? Head : pretrained ? FineTuning : Scratch;
}
