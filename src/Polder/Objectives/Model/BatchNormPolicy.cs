namespace Polder.Objectives;

/// <summary>What the probes of one step do to a model's buffers: the running statistics of BatchNorm and its counter of batches.</summary>
public enum BatchNormPolicy
{
    /// <summary>
    /// The buffers move once a step. A probe at W moves them where the step has one; otherwise they take the mean of the probes'
    /// updates, each from the same start: the terms of first order in U cancel between W + U and W - U. Integer buffers take the
    /// first probe's update. The default.
    /// </summary>
    OncePerStep,

    /// <summary>The first probe moves them, the others do not.</summary>
    FirstProbe,

    /// <summary>Every probe moves them, as plain TorchSharp would: 2k times a step.</summary>
    EveryProbe,

    /// <summary>
    /// They move once a step, as one clean forward pass at W moves them: the probe at W where the step has one, otherwise a forward pass
    /// without gradient after the probes, with the same random numbers. The statistics are exactly the base optimizer's; it costs about a
    /// third of a gradient evaluation more.
    /// </summary>
    CleanForward,

    /// <summary>No probe moves them. The forward pass still normalizes by the batch's own statistics in training mode.</summary>
    Frozen,
}
