namespace Polder.Vision.Training;

/// <summary>The base optimizers that the trainer makes.</summary>
public enum BaseOptimizer
{
    /// <summary>Stochastic gradient descent with momentum.</summary>
    Sgd,

    /// <summary>Adam; its weight decay is added to the gradient.</summary>
    Adam,

    /// <summary>Adam with decoupled weight decay.</summary>
    AdamW,
}
