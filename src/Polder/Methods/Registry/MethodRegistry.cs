namespace Polder.Methods.Registry;

/// <summary>Every method by its name: a new method is its own file and one line here.</summary>
public static class MethodRegistry
{
    /// <summary>The methods, in the order of tables.</summary>
    public static IReadOnlyList<MethodEntry> All { get; } =
    [
        Plain.Entry,
        WeightPerturbation.Entry,
        NoiseStability.Entry,
        SharpnessAware.Sam,
        SharpnessAware.Asam,
        SharpnessAware.Usam,
        SharpnessAware.Samon,
        RandomSharpnessAware.Entry,
        BayesianSharpnessAware.Entry,
        SurrogateGap.Entry,
        FriendlySharpnessAware.Entry,
        LookSharpnessAware.Entry,
        MomentumSharpnessAware.Entry,
    ];

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(m => m.Name)];

    /// <summary>A method by its name.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists them.</exception>
    public static MethodEntry Named(string name) =>
        All.FirstOrDefault(m => m.Name == name) ?? throw new ArgumentException($"no method is called '{name}'; there are {string.Join(", ", Names)}", nameof(name));
}
