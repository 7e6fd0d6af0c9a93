namespace Polder.Methods.Registry;

/// <summary>Every method by its name: a new method of the library is its own file and one line here, one of a user's own is registered.</summary>
public static class MethodRegistry
{
    private static readonly Lock Gate = new();

    /// <summary>The library's own methods.</summary>
    internal static IReadOnlyList<MethodEntry> OfLibrary { get; } =
    [
        Plain.Entry,
        WeightPerturbation.Entry,
        NoiseStability.Entry,
        RandomWeightPerturbation.Mixed,
        RandomWeightPerturbation.AdaptiveForm,
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
        StableSharpnessAware.Entry,
        LossEquatedSharpnessAware.Entry,
        FilteredSharpnessAware.Entry,
        ParallelSharpnessAware.Entry,
        FunctionalSharpnessAware.Entry,
        VariationalOnlineNewton.Entry,
#pragma warning disable POLDER001 // the registry is where experiments are named
        DiagonalNoiseStability.Entry,
        OrthogonalNoiseStability.Entry,
        AscendedNoiseStability.Entry,
#pragma warning restore POLDER001
    ];

    private static volatile IReadOnlyList<MethodEntry> _all = OfLibrary;

    /// <summary>The methods, in the order of tables: the library's, then those that have been registered. A list that was read does not grow.</summary>
    public static IReadOnlyList<MethodEntry> All => _all;

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names => [.. All.Select(m => m.Name)];

    /// <summary>The names of those that are no experiments: what a program means by all methods.</summary>
    public static IReadOnlyList<string> StandardNames => [.. All.Where(m => !m.IsExperimental).Select(m => m.Name)];

    /// <summary>A method by its name.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists them.</exception>
    public static MethodEntry Named(string name) =>
        All.FirstOrDefault(m => m.Name == name)
        ?? throw new ArgumentException($"no method is called '{name}'; there are {string.Join(", ", Names)}", nameof(name));

    /// <summary>Adds a method to the table, from any thread. A program does so before it reads the table.</summary>
    /// <param name="entry">The method; <see cref="MethodEntry"/> shows how.</param>
    /// <returns>Takes the method out again where it is disposed of; who keeps it for the rest of the process need not.</returns>
    /// <exception cref="ArgumentException">There is a method of that name already.</exception>
    public static IDisposable Register(MethodEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        lock (Gate)
        {
            if (Names.Contains(entry.Name))
                throw new ArgumentException($"a method is called '{entry.Name}' already; taken are {string.Join(", ", Names)}", nameof(entry));
            _all = [.. _all, entry];
        }
        return new Registration(entry);
    }

    private sealed class Registration(MethodEntry entry) : IDisposable
    {
        public void Dispose()
        {
            lock (Gate)
                _all = [.. _all.Where(e => e != entry)];
        }
    }
}
