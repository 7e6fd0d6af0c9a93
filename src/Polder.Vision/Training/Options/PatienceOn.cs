namespace Polder.Vision.Training;

/// <summary>What makes an epoch a better one for early stopping.</summary>
public enum PatienceOn
{
    /// <summary>A higher validation accuracy, a lower loss among equals: what chooses the best epoch, too.</summary>
    Accuracy,

    /// <summary>A lower validation loss.</summary>
    Loss,
}
