namespace Polder.Vision.Training;

/// <summary>How much an image of each class counts in the loss.</summary>
public enum ClassWeights
{
    /// <summary>All images alike.</summary>
    None,

    /// <summary>Each class alike: an image of a class of n_c images among n in C classes has the weight n / (C n_c).</summary>
    Balanced,
}
