namespace Polder.Methods.Registry;

/// <summary>The values of a method's options, with the run that they are for.</summary>
/// <param name="values">A value for each option of the method.</param>
/// <param name="setup">The run.</param>
internal sealed class MethodArguments(IReadOnlyDictionary<string, object> values, MethodSetup setup)
{
    public MethodSetup Setup => setup;

    public double Number(string name) => (double)values[name];

    public int Count(string name) => (int)values[name];

    public string Word(string name) => (string)values[name];

    /// <summary>The value as it is.</summary>
    public object Value(string name) => values[name];
}
