namespace Polder.Onnx.Importing;

/// <summary>A network that was read from an ONNX file: its layers under the file's names, and a linear head.</summary>
internal sealed class OnnxClassifier : ImageClassifier
{
    private readonly Dictionary<string, (string Key, string Name)> _layers = [];
    private readonly List<Tensor> _kept;

    /// <summary>A network of a graph, with its weights.</summary>
    /// <param name="body">The graph.</param>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public OnnxClassifier(BodyGraph body, int classes)
        : base(ForeignNetworks.Name, body.Channels, body.Features, classes, body.HeadName)
    {
        Body = body;
        var builder = new NetworkBuilder(body, this);
        Stages = StepRange.Stages(builder.Build(), body.Input, body.Output);
        Written = builder.Written;
        _kept = builder.Kept;
        RegisterHead();
        NameLayers();
    }

    /// <summary>The graph that it was built from.</summary>
    public BodyGraph Body { get; }

    /// <summary>Its parameters and statistics, by the graph's constants, in the form that these have there.</summary>
    public IReadOnlyDictionary<string, Func<Tensor>> Written { get; }

    /// <inheritdoc/>
    protected internal override string Graph => field ??= StoredGraph.Text(this);

    /// <inheritdoc/>
    protected internal override IReadOnlyList<BodyStage> Stages { get; }

    /// <inheritdoc/>
    public override Tensor Features(Tensor images) => Through(.., images);

    /// <inheritdoc/>
    protected internal override (string Key, string Name) LayerOf(string parameter) =>
        _layers.TryGetValue(parameter, out (string Key, string Name) layer) ? layer : base.LayerOf(parameter);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (Tensor constant in _kept)
                constant.Dispose();
        }
        base.Dispose(disposing);
    }

    // A stage is a layer in the sense of rates by depth: between two of them one value goes on.
    private void NameLayers()
    {
        var stages = new Dictionary<IntPtr, int>();
        for (int i = 0; i < Stages.Count; i++)
        {
            foreach (Parameter parameter in Stages[i].Modules.SelectMany(m => m.parameters()))
                stages.TryAdd(parameter.Handle, i);
        }
        var names = new Dictionary<int, string>();
        foreach ((string name, Parameter parameter) in named_parameters())
        {
            if (!stages.TryGetValue(parameter.Handle, out int stage))
                continue;
            string[] parts = name.Split('.');
            string own = parts.Length > 2 && int.TryParse(parts[1], out _) ? $"{parts[0]}.{parts[1]}" : parts.Length > 1 ? string.Join('.', parts[..^1]) : name;
            names.TryAdd(stage, own);
            _layers[name] = ($"stage {stage}", names[stage]);
        }
    }
}
