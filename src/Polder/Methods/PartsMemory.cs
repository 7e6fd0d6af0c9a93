namespace Polder.Methods;

/// <summary>What a method remembers where it runs on parts of the mini-batch: the mean, by their sizes, of what each part makes of the same start.</summary>
internal sealed class PartsMemory(MethodState state)
{
    private readonly Dictionary<string, double> _numbers = [];
    private readonly HashSet<string> _vectors = [];

    /// <summary>Whether a part has changed something.</summary>
    public bool HasChanges { get; private set; }

    /// <summary>Takes in what a part makes of the memory, which is afterwards as before.</summary>
    /// <param name="share">The part's weight in the mean.</param>
    /// <param name="change">Changes the memory.</param>
    public void Add(double share, Action change)
    {
        HasChanges = true;
        Dictionary<string, double> numbers = new(state.Scalars);
        foreach (string name in state.VectorNames)
            state.Scratch(StartName(name)).CopyFrom(state.Known(name));
        try
        {
            change();
            foreach (string name in state.VectorNames)
            {
                ParameterVector mean = state.Scratch(MeanName(name));
                if (_vectors.Add(name))
                    mean.Zero();
                mean.Add(state.Known(name), share);
            }
            foreach ((string name, double value) in state.Scalars)
                _numbers[name] = _numbers.GetValueOrDefault(name) + (share * value);
        }
        finally
        {
            foreach (string name in state.VectorNames)
                state.Known(name).CopyFrom(state.Scratch(StartName(name)));
            state.Scalars.Clear();
            foreach ((string name, double value) in numbers)
                state.Scalars[name] = value;
        }
    }

    /// <summary>Makes the mean the memory.</summary>
    public void Apply()
    {
        foreach (string name in _vectors)
            state.Known(name).CopyFrom(state.Scratch(MeanName(name)));
        foreach ((string name, double value) in _numbers)
            state.Scalars[name] = value;
    }

    private static string StartName(string vector) => $"parts.start.{vector}";

    private static string MeanName(string vector) => $"parts.mean.{vector}";
}
