using System.Text.RegularExpressions;

namespace Polder.Methods.Registry;

/// <summary>What programs and reports say of a method, and how they make one. It stands in the method's own file.</summary>
/// <remarks>
/// A method of one's own enters the table with <see cref="MethodRegistry.Register"/>, and from then on comparisons and tables know it by its name. Options
/// that other methods have as well are those of <see cref="StandardOptions"/>, so that a name means the same for all.
/// </remarks>
/// <example>
/// <code>
/// MethodRegistry.Register(new MethodEntry(
///     "signascent", "SAM in the largest-element norm", a => new SignAscent(a.Number("rho")), StandardOptions.Rho(0.002))
/// {
///     Passes = "2",
///     PassesPerStep = 2,
///     ExtraParameterBuffers = 1,
///     Source = "own work",
/// });
/// IGradientMethod method = MethodRegistry.Named("signascent").Create(options: new Dictionary&lt;string, object> { ["rho"] = 0.001 });
/// </code>
/// </example>
public sealed partial record MethodEntry
{
    private readonly Func<MethodArguments, IGradientMethod> _create;

    /// <summary>Describes a method.</summary>
    /// <param name="name">The name: a lower-case word of letters and digits, the <see cref="IGradientMethod.Name"/> of what is made.</param>
    /// <param name="summary">What the method does: one sentence without a full stop.</param>
    /// <param name="create">Makes the method from the values of its options; its own <see cref="IGradientMethod.Validate"/> is called afterwards.</param>
    /// <param name="options">The options, the one that matters most first: it is what a search over <see cref="TuningGrid"/> tries.</param>
    /// <exception cref="ArgumentException">The name is no such word, or two options have one name.</exception>
    public MethodEntry(string name, string summary, Func<MethodArguments, IGradientMethod> create, params IReadOnlyList<MethodOption> options)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(create);
        ArgumentNullException.ThrowIfNull(options);
        if (!NamePattern().IsMatch(name))
            throw new ArgumentException($"a method is called '{name}'; a name is a lower-case word of letters and digits, without separators", nameof(name));
        if (options.CountBy(option => option.Name).FirstOrDefault(count => count.Value > 1).Key is { } twice)
            throw new ArgumentException($"{name} has two options of the name {twice}", nameof(options));
        (Name, Summary, _create, OwnOptions) = (name, summary, create, options);
    }

    /// <summary>The name: lower case, no separators; the <see cref="IGradientMethod.Name"/> of what it makes.</summary>
    public string Name { get; }

    /// <summary>What the method does: one sentence without a full stop.</summary>
    public string Summary { get; }

    /// <summary>The method's own options, the one that matters most first.</summary>
    public IReadOnlyList<MethodOption> OwnOptions { get; }

    /// <summary>
    /// All options: the method's own, and those that every method takes (<see cref="StandardOptions.General"/>). The base optimizer alone has none.
    /// </summary>
    public IReadOnlyList<MethodOption> Options => field ??= Name == Plain.MethodName ? OwnOptions
        : [.. OwnOptions, .. StandardOptions.General.Where(o => OwnOptions.All(own => own.Name != o.Name))];

    /// <summary>Gradients a step (each a forward and a backward pass over the batch) in the terms of the options.</summary>
    public required string Passes { get; init; }

    /// <summary>The mean number of gradients a step at the default options.</summary>
    public required double PassesPerStep { get; init; }

    /// <summary>Buffers as large as all parameters that a step needs beyond those of the base optimizer alone.</summary>
    public required int ExtraParameterBuffers { get; init; }

    /// <summary>The paper that the method is from.</summary>
    public required string Source { get; init; }

    /// <summary>Whether the method makes its own update, so that its base optimizer is SGD without momentum and weight decay.</summary>
    public bool DemandsPlainSgd { get; init; }

    /// <summary>
    /// Whether the method is an experiment of the library's (CONTRIBUTING.md says by which criteria): it is chosen by its name and is not among "all" methods,
    /// and it may change or go with any version.
    /// </summary>
    public bool IsExperimental { get; init; }

    /// <summary>Whether the method differs from the base optimizer even where its sigma and rho are zero.</summary>
    public bool ActsWithoutStrength { get; init; }

    /// <summary>The values to try first for the first option, in ascending order; empty where the method has none.</summary>
    public IReadOnlyList<double> TuningGrid { get; init; } = [];

    /// <summary>The option of a name; null where the method has none.</summary>
    public MethodOption? Option(string name) => Options.FirstOrDefault(o => o.Name == name);

    /// <summary>The value of every option, in the order of <see cref="Options"/>: the given one or the default.</summary>
    /// <param name="given">Values by option name.</param>
    /// <exception cref="ArgumentException">A name is no option of the method, or a value is not allowed, by itself or beside another.</exception>
    public IReadOnlyDictionary<string, object> Complete(IReadOnlyDictionary<string, object> given)
    {
        ArgumentNullException.ThrowIfNull(given);
        if (given.Keys.FirstOrDefault(name => Option(name) is null) is { } wrong)
        {
            string known = Options.Count > 0 ? string.Join(", ", Options.Select(o => o.Name)) : "no options";
            throw new ArgumentException($"{Name} has no option {wrong}; it has {known}", nameof(given));
        }
        var complete = new OrderedDictionary<string, object>();
        foreach (MethodOption option in Options)
        {
            string text = MethodOption.Text(given.TryGetValue(option.Name, out object? value) ? value : option.Default);
            if (!option.TryParse(text, out object read))
                throw new ArgumentException($"{option.Name} of {Name}: found {text}, allowed: {option.Range}", nameof(given));
            complete[option.Name] = read;
        }
        StandardOptions.RequireOneSigma(complete);
        return complete;
    }

    /// <summary>Makes the method.</summary>
    /// <param name="setup">The run.</param>
    /// <param name="options">Values by option name; what is missing has its default.</param>
    /// <exception cref="ArgumentException">A name is no option of the method, a value is not allowed, or the model lacks what the method needs.</exception>
    /// <exception cref="InvalidOperationException">What is made has another name than this.</exception>
    public IGradientMethod Create(MethodSetup? setup = null, IReadOnlyDictionary<string, object>? options = null)
    {
        var arguments = new MethodArguments(Complete(options ?? new Dictionary<string, object>()), setup ?? new MethodSetup());
        IGradientMethod method = _create(arguments);
        method.Validate();
        return method.Name == Name
            ? StandardOptions.Decorated(method, arguments)
            : throw new InvalidOperationException($"the entry {Name} has made a method of the name {method.Name}: both must be alike");
    }

    /// <summary>The distribution of the noise that the options ask for: normal where the method has no such option.</summary>
    public static NoiseDistribution DistributionOf(IReadOnlyDictionary<string, object> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.TryGetValue(StandardOptions.NoiseName, out object? name) ? NoiseDistribution.Named((string)name) : NoiseDistribution.Normal;
    }

    [GeneratedRegex("^[a-z][a-z0-9]*\\z")]
    private static partial Regex NamePattern();
}
