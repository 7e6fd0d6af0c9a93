namespace Polder.Averaging;

/// <summary>
/// An average of the weights over the steps, as a hook of <see cref="FlatMinimaOptimizer"/>: it goes with every method. Training goes on
/// from the weights themselves; the average is evaluated on a copy of the model (<see cref="CopyInto"/>), whose BatchNorm statistics
/// then want a refresh (<see cref="BatchNormStatistics"/>), since those of the training belong to other weights.
/// </summary>
/// <remarks>It keeps one vector of the size of the weights. A step that is skipped does not count.</remarks>
public abstract class WeightAverage : IStatefulHook, IDisposable
{
    private const string Counts = "counts";

    private ParameterVector? _average;

    /// <summary>Updates of the base optimizer seen so far.</summary>
    public long Updates { get; private set; }

    /// <summary>How often the weights have gone into the average.</summary>
    public long Taken { get; private set; }

    /// <summary>Whether there is an average yet.</summary>
    public bool IsEmpty => Taken == 0;

    /// <inheritdoc/>
    public void AfterUpdate(UpdateContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterSpace space = context.Space;
        Updates++;
        double share = Share(Updates, Taken);
        if (share == 0)
            return;
        ParameterVector average = Follow(space);
        if (share == 1 || Taken == 0)
        {
            space.Save(average);
        }
        else
        {
            average.Scale(1 - share);
            average.AddWeights(share);
        }
        Taken++;
    }

    /// <summary>
    /// Copies a model into another of the same architecture, with the average in the place of the weights that have one; buffers and
    /// frozen weights are those of <paramref name="source"/>.
    /// </summary>
    /// <param name="source">The model that is trained.</param>
    /// <param name="target">The copy: the same names and shapes; the source itself is allowed.</param>
    /// <exception cref="InvalidOperationException">Nothing has gone into the average yet.</exception>
    /// <exception cref="ArgumentException">The models differ in a name or a shape.</exception>
    public void CopyInto(nn.Module source, nn.Module target)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        if (_average is null)
            throw new InvalidOperationException("nothing has gone into the average yet: check IsEmpty");
        var pairs = new List<(Tensor From, Tensor To)>();
        Dictionary<string, Tensor> targets = TensorsOf(target);
        foreach (var (name, tensor) in TensorsOf(source))
        {
            if (!targets.TryGetValue(name, out Tensor? to) || !to.shape.SequenceEqual(tensor.shape))
                throw new ArgumentException(
                    $"the copy has no {name} of shape [{string.Join(", ", tensor.shape)}]: it must be of the same architecture", nameof(target));
            int place = tensor is Parameter parameter ? _average.Space.IndexOf(parameter) : -1;
            Tensor from = place >= 0 ? _average.Blocks[place] : tensor;
            if (!ReferenceEquals(from, to)) // where the model is its own copy, only the average moves
                pairs.Add((from, to));
        }
        using var noGrad = no_grad();
        foreach (var (from, to) in pairs)
            to.copy_(from);
    }

    /// <inheritdoc/>
    public void Save(IDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state[Counts] = tensor(new[] { Updates, Taken });
        for (int i = 0; i < (_average?.Blocks.Count ?? 0); i++)
            state[Key(i)] = _average!.Blocks[i].detach().clone();
    }

    /// <inheritdoc/>
    public void Load(ParameterSpace space, IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(state);
        Tensor? counts = null;
        if (state.Count > 0 && (!state.TryGetValue(Counts, out counts) || counts.numel() != 2))
            throw new ArgumentException($"the state of the average has no {Counts} of two numbers", nameof(state));
        long[] numbers = counts?.data<long>().ToArray() ?? [0, 0];
        ParameterVector? average = numbers[1] == 0 ? null : VectorOf(space, state);
        _average?.Dispose();
        _average = average;
        (Updates, Taken) = (numbers[0], numbers[1]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _average?.Dispose();
        _average = null;
        GC.SuppressFinalize(this);
    }

    /// <summary>The share of the weights at hand in the new average; the earlier average has the rest.</summary>
    /// <param name="updates">Updates so far, this one included.</param>
    /// <param name="taken">How often weights have gone in before.</param>
    /// <returns>0 to 1; at 0 the average stays. The first weights that go in are the average.</returns>
    protected abstract double Share(long updates, long taken);

    private static Dictionary<string, Tensor> TensorsOf(nn.Module model)
    {
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (name, parameter) in model.named_parameters())
            tensors[name] = parameter;
        foreach (var (name, buffer) in model.named_buffers())
            tensors[name] = buffer;
        return tensors;
    }

    // The parameters of the space that have an average keep it; a new one starts from its weights.
    private ParameterVector Follow(ParameterSpace space)
    {
        if (ReferenceEquals(_average?.Space, space))
            return _average!;
        ParameterVector average = space.CreateVector();
        space.Save(average);
        using var noGrad = no_grad();
        for (int i = 0; i < space.Parameters.Count; i++)
        {
            int place = _average?.Space.IndexOf(space.Parameters[i]) ?? -1;
            if (place >= 0)
                average.Blocks[i].copy_(_average!.Blocks[place]);
        }
        _average?.Dispose();
        return _average = average;
    }

    private static string Key(int parameter) => $"average.{parameter}";

    private static ParameterVector VectorOf(ParameterSpace space, IReadOnlyDictionary<string, Tensor> state)
    {
        for (int i = 0; i < space.Parameters.Count; i++)
            if (!state.TryGetValue(Key(i), out Tensor? block) || !block.shape.SequenceEqual(space.Parameters[i].shape))
                throw new ArgumentException(
                    $"the state of the average has no {Key(i)} of shape [{string.Join(", ", space.Parameters[i].shape)}]", nameof(state));
        ParameterVector vector = space.CreateVector();
        using var noGrad = no_grad();
        for (int i = 0; i < space.Parameters.Count; i++)
            vector.Blocks[i].copy_(state[Key(i)]);
        return vector;
    }
}
