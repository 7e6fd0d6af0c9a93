namespace Polder.Vision.Training;

/// <summary>Which weights a training ends with.</summary>
public enum KeptWeights
{
    /// <summary>Those of the best validation accuracy, of the lower loss among equals.</summary>
    Best,

    /// <summary>Those of the last epoch: nothing is chosen by the validation images.</summary>
    Last,
}
