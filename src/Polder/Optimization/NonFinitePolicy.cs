namespace Polder.Optimization;

/// <summary>What a step does when a loss or its gradient is not finite. In both cases the weights are as before the step.</summary>
public enum NonFinitePolicy
{
    /// <summary>The step throws a <see cref="NonFiniteGradientException"/>. The default.</summary>
    Throw,

    /// <summary>The update is left out and counted (<see cref="FlatMinimaOptimizer.SkippedSteps"/>); the next step sees new noise.</summary>
    Skip,
}
