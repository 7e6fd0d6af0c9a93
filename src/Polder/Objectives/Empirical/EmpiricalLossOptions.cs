namespace Polder.Objectives;

/// <summary>The mode that a model is in while its loss is measured; afterwards it is as it was.</summary>
public enum ModelMode
{
    /// <summary>Evaluation: running statistics, no dropout.</summary>
    Evaluation,

    /// <summary>
    /// Evaluation, but the BatchNorm layers take the statistics of each batch: for diagnosis, since the loss then depends on how the examples are
    /// batched.
    /// </summary>
    BatchStatistics,

    /// <summary>
    /// The mode that each module is in. A BatchNorm layer in training mode is refused: say <see cref="BatchStatistics"/> where that is meant.
    /// </summary>
    AsItStands,
}

/// <summary>What a loss function does over the examples of a batch.</summary>
public enum LossReduction
{
    /// <summary>It returns their mean; the loss of the data set is the mean over all examples, a smaller last batch weighted by its size.</summary>
    Mean,

    /// <summary>It returns their sum; the loss of the data set is the sum over all examples.</summary>
    Sum,
}

/// <summary>Which loss is measured.</summary>
public sealed record EmpiricalLossOptions
{
    /// <summary>The parameters whose curvature is measured; null (default) is all that require a gradient.</summary>
    public ParameterSelection? Parameters { get; init; }

    /// <summary>The mode of the model. Default: evaluation.</summary>
    public ModelMode Mode { get; init; } = ModelMode.Evaluation;

    /// <summary>What the loss function does over a batch. Default: the mean.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.Mean;

    /// <summary>Whether two passes over the data are compared before the first measurement. Default: true; it costs two forward passes.</summary>
    public bool CheckDeterminism { get; init; } = true;

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range; the message says which and what is allowed.</exception>
    public void Validate()
    {
        Require.Known(Mode);
        Require.Known(Reduction);
    }
}
