namespace Polder.Experiments.Comparison;

/// <summary>
/// The settings of the digits task, chosen by <c>polder tune</c> on validation accuracy with seeds 100 to 104, which no result reports
/// (docs/results/digits-tuning.md): shots (<see cref="DigitsTask.DefaultShots"/>) and learning rate by the base optimizer alone, sigma and
/// rho by an equal grid for each method.
/// </summary>
public static class DigitsDefaults
{
    /// <summary>The learning rate of SGD.</summary>
    public const double LearningRate = 0.2;

    /// <summary>The weight decay of SGD.</summary>
    public const double WeightDecay = 1e-4;

    /// <summary>Passes through the shots.</summary>
    public const int Epochs = 40;

    /// <summary>Images a step.</summary>
    public const int BatchSize = 10;

    /// <summary>Standard deviation of the one-point noise.</summary>
    public const double WeightPerturbationSigma = 0.01;

    /// <summary>Standard deviation of NSO's noise.</summary>
    public const double NoiseStabilitySigma = 0.02;

    /// <summary>Radius of SAM.</summary>
    public const double Rho = 0.5;
}
