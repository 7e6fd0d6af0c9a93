namespace Polder.Methods.Registry;

/// <summary>The values of a method's options, with the run that they are for: what <see cref="MethodEntry"/> makes a method from.</summary>
public sealed class MethodArguments
{
    private readonly IReadOnlyDictionary<string, object> _values;

    internal MethodArguments(IReadOnlyDictionary<string, object> values, MethodSetup setup) => (_values, Setup) = (values, setup);

    /// <summary>The run.</summary>
    public MethodSetup Setup { get; }

    /// <summary>The value of an option that is a number (<see cref="MethodOption.NotNegative"/>, <see cref="MethodOption.Share"/>).</summary>
    /// <exception cref="ArgumentException">The method has no such option.</exception>
    public double Number(string name) => (double)Value(name);

    /// <summary>The value of an option that is a whole number (<see cref="MethodOption.Count"/>).</summary>
    /// <exception cref="ArgumentException">The method has no such option.</exception>
    public int Count(string name) => (int)Value(name);

    /// <summary>The value of an option that is a word (<see cref="MethodOption.Word"/>).</summary>
    /// <exception cref="ArgumentException">The method has no such option.</exception>
    public string Word(string name) => (string)Value(name);

    /// <summary>Whether the method has an option.</summary>
    internal bool Has(string name) => _values.ContainsKey(name);

    /// <summary>The value as it is.</summary>
    /// <exception cref="ArgumentException">The method has no such option.</exception>
    public object Value(string name) => _values.TryGetValue(name, out object? value)
        ? value
        : throw new ArgumentException($"the method has no option {name}; it has {string.Join(", ", _values.Keys)}", nameof(name));
}
