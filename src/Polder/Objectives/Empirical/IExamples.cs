namespace Polder.Objectives;

/// <summary>A batch of a data set, as curvature sees it. Whoever enumerates the batches does not dispose of their tensors.</summary>
public interface IExamples
{
    /// <summary>What the model takes, one example along the first axis.</summary>
    Tensor Inputs { get; }

    /// <summary>What the loss compares its output with, one example along the first axis.</summary>
    Tensor Targets { get; }
}
