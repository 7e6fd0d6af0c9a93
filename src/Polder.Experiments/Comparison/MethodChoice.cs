using Polder.Methods;

namespace Polder.Experiments.Comparison;

/// <summary>The options of all methods; each takes its own.</summary>
/// <param name="Sigma">The standard deviation of the noise (wp, nso).</param>
/// <param name="Pairs">Antithetic pairs a step (nso).</param>
/// <param name="Draws">Draws a step (wp).</param>
/// <param name="Rho">The radius of the ascent (sam).</param>
public sealed record MethodOptions(double Sigma = 0.01, int Pairs = 1, int Draws = 1, double Rho = 0.05);

/// <summary>A method by its name on the command line, with the options that it takes.</summary>
/// <param name="Name">The name.</param>
/// <param name="Method">The method.</param>
/// <param name="Options">Its own options by name.</param>
public sealed record MethodChoice(string Name, IGradientMethod Method, IReadOnlyDictionary<string, object> Options)
{
    /// <summary>All names, in the order of tables.</summary>
    public static IReadOnlyList<string> Names { get; } = ["base", "wp", "nso", "sam"];

    /// <summary>Makes a method.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="options">The options; the method takes its own.</param>
    /// <exception cref="ArgumentException">There is no such method, or an option of it is out of range.</exception>
    public static MethodChoice Create(string name, MethodOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        MethodChoice choice = name switch
        {
            "base" => new(name, new Plain(), new Dictionary<string, object>()),
            "wp" => new(
                name,
                new WeightPerturbation { Sigma = options.Sigma, Draws = options.Draws },
                new Dictionary<string, object> { ["sigma"] = options.Sigma, ["draws"] = options.Draws }),
            "nso" => new(
                name,
                new NoiseStability { Sigma = options.Sigma, Pairs = options.Pairs },
                new Dictionary<string, object> { ["sigma"] = options.Sigma, ["pairs"] = options.Pairs }),
            "sam" => new(name, new SharpnessAware { Rho = options.Rho }, new Dictionary<string, object> { ["rho"] = options.Rho }),
            _ => throw new ArgumentException($"no method is called '{name}'; there are {string.Join(", ", Names)}", nameof(name)),
        };
        choice.Method.Validate();
        return choice;
    }
}
