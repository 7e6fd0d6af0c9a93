namespace Polder.Methods;

/// <summary>
/// What a method remembers from step to step: named vectors and numbers, which are saved with the optimizer's state, and named scratch
/// vectors, which are not. Each vector is made at its first use.
/// </summary>
/// <remarks>A method changes its vectors and numbers only in <see cref="MethodContext.WhenAccepted"/>, so that a step that fails leaves no trace.</remarks>
public sealed class MethodState : IDisposable
{
    private const string Prefix = "method.", ScalarPrefix = "scalar.";

    private readonly Dictionary<string, (ParameterVector Vector, double Initial)> _vectors = [];
    private readonly Dictionary<string, ParameterVector> _scratch = [];

    internal MethodState(ParameterSpace space) => Space = space;

    /// <summary>The space that the vectors belong to.</summary>
    public ParameterSpace Space { get; private set; }

    /// <summary>Numbers that live from step to step, by their names in the saved state; they are kept bit for bit.</summary>
    public IDictionary<string, double> Scalars { get; } = new SortedDictionary<string, double>(StringComparer.Ordinal);

    /// <summary>The names of the vectors that there are.</summary>
    internal IReadOnlyCollection<string> VectorNames => _vectors.Keys;

    /// <summary>A vector that there is.</summary>
    internal ParameterVector Known(string name) => _vectors[name].Vector;

    /// <summary>A vector that lives from step to step.</summary>
    /// <param name="name">Its name in the saved state.</param>
    /// <param name="initial">What its elements are at first.</param>
    public ParameterVector Vector(string name, double initial = 0)
    {
        // A vector that was loaded does not know its initial value yet; parameters that are added later start from it.
        ParameterVector vector = _vectors.TryGetValue(name, out var known) ? known.Vector : Create(initial);
        _vectors[name] = (vector, initial);
        return vector;
    }

    /// <summary>A vector whose content is lost at the end of the step; its elements are whatever was left there.</summary>
    public ParameterVector Scratch(string name)
    {
        if (!_scratch.TryGetValue(name, out ParameterVector? vector))
            _scratch[name] = vector = Space.CreateVector();
        return vector;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Forget();
        foreach (var (vector, _) in _vectors.Values)
            vector.Dispose();
        _vectors.Clear();
        Scalars.Clear();
    }

    /// <summary>Goes over to a space of other parameters: those in both keep their blocks, new ones start from the initial value.</summary>
    internal void Follow(ParameterSpace space)
    {
        ParameterSpace earlier = Space;
        Space = space;
        Forget();
        using var noGrad = no_grad();
        foreach (var (name, (old, initial)) in _vectors.ToArray())
        {
            ParameterVector vector = Create(initial);
            for (int i = 0; i < space.Parameters.Count; i++)
                if (earlier.IndexOf(space.Parameters[i]) is var place and >= 0)
                    vector.Blocks[i].copy_(old.Blocks[place]);
            _vectors[name] = (vector, initial);
            old.Dispose();
        }
    }

    /// <summary>Adds copies of the vectors' blocks, one tensor a parameter, and the numbers.</summary>
    internal void Save(IDictionary<string, Tensor> state)
    {
        foreach (var (name, (vector, _)) in _vectors)
            for (int i = 0; i < vector.Blocks.Count; i++)
                state[Key(name, i)] = vector.Blocks[i].detach().clone();
        foreach (var (name, value) in Scalars)
            state[ScalarPrefix + name] = tensor(value, ScalarType.Float64);
    }

    /// <summary>Finds every error before <see cref="Load"/> changes anything.</summary>
    /// <exception cref="ArgumentException">A block is missing, has no place, or has another shape than its parameter.</exception>
    internal void Check(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (string name in NamesIn(state))
            for (int i = 0; i < Space.Parameters.Count; i++)
                if (!state.TryGetValue(Key(name, i), out Tensor? block) || !block.shape.SequenceEqual(Space.Parameters[i].shape))
                    throw new ArgumentException(
                        $"{Key(name, i)} of the saved state is {(block is null ? "missing" : $"of shape [{string.Join(", ", block.shape)}]")}; "
                        + $"the parameter has shape [{string.Join(", ", Space.Parameters[i].shape)}]",
                        nameof(state));
    }

    /// <summary>Takes over saved blocks and numbers, by copying.</summary>
    internal void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        Dispose();
        using var noGrad = no_grad();
        foreach (string name in NamesIn(state))
        {
            ParameterVector vector = Space.CreateVector();
            for (int i = 0; i < vector.Blocks.Count; i++)
                vector.Blocks[i].copy_(state[Key(name, i)]);
            _vectors[name] = (vector, 0);
        }
        foreach (var (name, value) in state.Where(entry => entry.Key.StartsWith(ScalarPrefix, StringComparison.Ordinal)))
            Scalars[name[ScalarPrefix.Length..]] = value.ToDouble();
    }

    // method.NAME.0, method.NAME.1 and so on: the name may contain dots itself.
    private static IEnumerable<string> NamesIn(IReadOnlyDictionary<string, Tensor> state) =>
        state.Keys.Where(key => key.StartsWith(Prefix, StringComparison.Ordinal)).Select(key => key[Prefix.Length..key.LastIndexOf('.')]).Distinct();

    private static string Key(string name, int parameter) => $"{Prefix}{name}.{parameter}";

    private ParameterVector Create(double initial)
    {
        ParameterVector vector = Space.CreateVector();
        using var noGrad = no_grad();
        using Scalar value = initial.ToScalar();
        if (initial != 0)
            foreach (Tensor block in vector.Blocks)
                block.fill_(value);
        return vector;
    }

    private void Forget()
    {
        foreach (ParameterVector vector in _scratch.Values)
            vector.Dispose();
        _scratch.Clear();
    }
}
