namespace Polder.Experiments.Comparison;

/// <summary>
/// The settings of the digits task, chosen by <c>polder tune</c> on validation accuracy with seeds 100 to 109, which no result reports
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

    /// <summary>
    /// Threads of the tensor library. In so small a network a second one hardly helps and waits for the first, above all beside other programs
    /// (docs/results/digits-tuning.md). And sums in another order end in other weights, so that the demo would print another table on every machine.
    /// </summary>
    public const int Threads = 1;

    private static readonly Dictionary<(string Method, string Option), object> Tuned = new()
    {
        [("wp", "sigma")] = 0.005,
        [("nso", "sigma")] = 0.02,
        [("sam", "rho")] = 0.5,
        [("asam", "rho")] = 1.0,
        [("usam", "rho")] = 0.1,
        [("samon", "rho")] = 2.0,
        [("rsam", "rho")] = 0.2,
        [("bsam", "rho")] = 0.02,
        [("gsam", "rho")] = 0.5,
        [("fsam", "rho")] = 0.5,
        [("looksam", "rho")] = 0.01,
        [("msam", "rho")] = 2.0,
    };

    /// <summary>The value of a method's option that tuning has chosen for the digits; null where the registry's default holds.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="option">The option's name.</param>
    public static object? Of(string method, string option) => Tuned.GetValueOrDefault((method, option));
}
