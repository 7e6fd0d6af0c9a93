using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Parameters;

namespace Polder.Tests.Properties;

/// <summary>A method of the registry with random values of its options, for a random network.</summary>
internal static class MethodRecipe
{
    /// <summary>Draws that a method takes of a step's noise, at most.</summary>
    public const int MostDraws = 3;

    /// <summary>A method with random options; two of the same seed are equal.</summary>
    /// <param name="name">Its name in the registry.</param>
    /// <param name="seed">The seed of the options.</param>
    /// <param name="network">The network whose parameters the options may choose from.</param>
    /// <param name="steps">The steps of the run, for schedules.</param>
    public static IGradientMethod Create(string name, int seed, RandomNetwork network, int steps)
    {
        var random = new Random(seed);
        // A perceptron has no normalisation layers: the biases stand for them.
        if (name == "samon")
            return new SharpnessAware { Rho = Amount(random), Within = ParameterSelection.Of(network.Parameters.Where(p => p.dim() == 1)) };
        MethodEntry entry = MethodRegistry.Named(name);
        return entry.Create(
            new MethodSetup { Steps = steps, Examples = 10, Head = [.. network.Parameters.TakeLast(2)] },
            entry.Options.ToDictionary(option => option.Name, option => Value(option, random, network)));
    }

    private static double Amount(Random random) => 0.01 + (0.5 * random.NextDouble());

    private static object Value(MethodOption option, Random random, RandomNetwork network) => option.Name switch
    {
        "passes" or "noise" or "micro-perturb" or "settings" or "batches" => option.Default,
        // split needs a batch that can be cut; the distribution belongs to the stream
        "method-start" => random.Next(3) == 0 ? 0.5 : 0.0,
        "rho-schedule" => Pick(random, "constant", "linear:0.7", "cosine-down", "linear-down:0.01"),
        "sigma-schedule" => Pick(random, "constant", "linear", "log-linear", "cosine", "late:0.3"),
        "noise-on" => Pick(random, network.Parameters.Count > 2 ? ["all", "head", "body"] : ["all", "head"]),
        "clean-weight" or "quantile" or "memory" or "diagonal-memory" or "mix" or "anneal" or "beta" or "beta1" or "beta2" => 0.9 * random.NextDouble(),
        // Below one, ten examples are fewer than one, and noise as wide as sqrt(1 / examples) takes the weights so far that the loss overflows.
        "data-factor" => 1 + (10 * random.NextDouble()),
        _ => option.Default switch
        {
            int => random.Next(1, MostDraws + 1),
            string => Pick(random, option.Range.Split(", ")),
            _ => Amount(random),
        },
    };

    private static string Pick(Random random, params string[] values) => values[random.Next(values.Length)];
}
