namespace Polder.Onnx.Importing;

/// <summary>Translates ONNX files into checkpoints, and builds their networks.</summary>
internal sealed class OnnxFormat : IForeignFormat
{
    private const double MostWeights = 1L << 31;

    /// <inheritdoc/>
    public bool Reads(string path)
    {
        using OnnxFile file = OnnxFile.Open(path);
        return !IsBuiltIn(file.Model);
    }

    /// <inheritdoc/>
    public Checkpoint Import(string path, ForeignOptions options, int? imageSize)
    {
        Dictionary<string, Tensor> tensors = [];
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            using OnnxFile file = OnnxFile.Open(path);
            FileFacts facts = FileFacts.Of(file);
            ImportedGraph graph = GraphImport.Of(file, new ImportOptions(imageSize ?? facts.ImageSize,
                (options.Channels ?? (facts.IsBgr ? "bgr" : "rgb")) == "bgr", options.HeadOutput, options.Features, facts.Names?.Count));
            int? classes = graph.Classes;
            // More weights than fit into memory are no classifier, and no file that says so in few bytes is followed.
            if (graph.Body.Constants.Values.Sum(c => (double)c.Count) > MostWeights)
                throw new OnnxException(path, $"has more than {MostWeights} weights");
            using var network = new OnnxClassifier(graph.Body, classes ?? 2);
            if (classes is not null)
                SetHead(network, graph);
            foreach ((string name, Tensor value) in network.state_dict())
            {
                if (classes is not null || !name.StartsWith(network.HeadName + ".", StringComparison.Ordinal))
                    tensors[name] = value.detach().alias().DetachFromDisposeScope();
            }
            IReadOnlyList<string> names = facts.Names?.Count == classes ? facts.Names ?? [] : [];
            Normalization? said = facts.Normalization is { } own && (own.Channels == 1 || own.Channels == graph.Body.Channels) ? own : null;
            Normalization normalization = said ?? Normalization.ImageNet;
            var metadata = new ClassifierMetadata(ForeignNetworks.Name, graph.ImageSize, normalization.For(graph.Body.Channels), names)
            {
                Graph = network.Graph,
            };
            Dictionary<string, string> entries = metadata.ToEntries();
            if (names.Count == 0)
                entries[ForeignNetworks.AssumedClasses] = "true";
            if (said is null)
                entries[ForeignNetworks.AssumedNormalization] = "true";
            return Checkpoint.Of(path, "ONNX", tensors, entries);
        }
        catch (Exception e)
        {
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
            if (IsOfContent(e))
                throw new OnnxException(path, $"its network cannot be built: {e.Message.Split('\n')[0]}", e);
            throw;
        }
    }

    /// <inheritdoc/>
    public Architecture Restore(string path, string graph, Architecture usual)
    {
        BodyGraph body = StoredGraph.Read(path, graph);
        return usual with
        {
            Channels = body.Channels,
            HeadName = body.HeadName,
            LeastElements = body.Constants.Values.Where(c => c.IsReal).Sum(c => c.Count),
            Builder = classes =>
            {
                try
                {
                    return new OnnxClassifier(body, classes);
                }
                catch (Exception e) when (IsOfContent(e))
                {
                    throw new OnnxException(path, $"its graph cannot be built: {e.Message.Split('\n')[0]}", e);
                }
            },
        };
    }

    // What the library and ours say of numbers that do not fit each other.
    private static bool IsOfContent(Exception e) => e is System.Runtime.InteropServices.ExternalException or ArgumentException or InvalidOperationException
        or KeyNotFoundException or OverflowException or IndexOutOfRangeException;

    // What Polder wrote of a built-in architecture, with its parameters as they are, is a checkpoint of that.
    private static bool IsBuiltIn(OnnxModel model) => model.Metadata.TryGetValue("architecture", out string? name) && name != ForeignNetworks.Name
        && Architectures.Find(name) is { } built
        && model.Graph.Constants.GetValueOrDefault(built.HeadParameters[0])?.Type == OnnxType.Float
        && model.Graph.Nodes.Any(n => n.Operator == "BatchNormalization")
        && !model.Graph.Constants.Keys.Any(k => k.StartsWith("preprocess.", StringComparison.Ordinal));

    // A head that is not linear stays in the body, and what comes behind it changes nothing.
    private static void SetHead(OnnxClassifier network, ImportedGraph graph)
    {
        HeadPlace place = graph.Head!;
        network.Head.bias!.zero_();
        if (place.Weight is null)
        {
            network.Head.weight!.copy_(eye(network.Classes));
            return;
        }
        Tensor weight = graph.Constants[place.Weight].Read();
        weight = place.IsTransposed ? weight.t() : weight.reshape(weight.shape[0], -1);
        network.Head.weight!.copy_(place.Scale.Weight == 1 ? weight : weight.mul(Number(place.Scale.Weight)));
        if (place.Bias is { Length: > 0 })
        {
            Tensor bias = graph.Constants[place.Bias].Read().reshape(-1);
            network.Head.bias!.copy_(place.Scale.Bias == 1 ? bias : bias.mul(Number(place.Scale.Bias)));
        }
    }
}
