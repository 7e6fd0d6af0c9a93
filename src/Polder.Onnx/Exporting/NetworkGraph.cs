namespace Polder.Onnx.Exporting;

/// <summary>A network as nodes: a method for each kind of part that the built-in architectures are made of, and for what comes before and after them.</summary>
internal sealed class NetworkGraph
{
    private readonly TrainedClassifier _classifier;
    private readonly ExportOptions _options;
    private readonly GraphBuilder _graph;

    private NetworkGraph(TrainedClassifier classifier, ExportOptions options)
    {
        (_classifier, _options) = (classifier, options);
        var names = new Dictionary<nn.Module, string>(ReferenceEqualityComparer.Instance);
        // The library finds layers in private fields a second time; the first name is that of the parameters.
        foreach ((string name, nn.Module module) in classifier.Network.named_modules())
            names.TryAdd(module, name);
        _graph = new GraphBuilder(names, options);
    }

    /// <summary>The graph of a classifier.</summary>
    /// <exception cref="OnnxException">The network is not made of the parts that are known.</exception>
    public static OnnxGraph Of(TrainedClassifier classifier, ExportOptions options) => new NetworkGraph(classifier, options).Build();

    private OnnxGraph Build()
    {
        ImageClassifier network = _classifier.Network;
        var imported = network as OnnxClassifier;
        if (network.Stages.Count == 0)
            throw Unknown($"network {network.GetType().Name}, whose body is of one piece");
        bool bytes = _options.Input == ImageInput.BytesNhwc;
        OnnxDimension batch = _options.Batch is { } size ? new(size) : new(null, "batch"), side = new(_classifier.ImageSize), channels = new(network.Channels);
        var input = new OnnxValue(_options.InputName, bytes ? OnnxType.UInt8 : OnnxType.Float,
            bytes ? [batch, side, side, channels] : [batch, channels, side, side]);
        string value = Preprocessed(input.Name);
        if (imported is not null)
            value = _graph.Body(imported, value);
        for (int stage = 0; imported is null && stage < network.Stages.Count; stage++)
        {
            value = Stage(network.Stages[stage], value);
            // The larger networks' stem ends in a pool.
            if (stage == 0 && network is ResNet)
                value = StemPool(value);
        }
        string logits = _graph.Linear(network.Head, value, _options.Half ? null : "logits");
        if (_options.Half)
            logits = _graph.Add("Cast", [logits], new() { ["to"] = (long)OnnxType.Float }, output: "logits");
        if (_options.Softmax)
            _graph.Add("Softmax", [logits], new() { ["axis"] = 1L }, output: "probabilities");
        string[] outputs = _options.Softmax ? ["logits", "probabilities"] : ["logits"];
        return _graph.Build(_classifier.Architecture, input, [.. outputs.Select(o => new OnnxValue(o, OnnxType.Float, [batch, new(network.Classes)]))]);
    }

    // Never part of the first convolution: it pads with zeros, which are the mean only after normalization.
    private string Preprocessed(string value)
    {
        if (_options.Input == ImageInput.BytesNhwc)
        {
            value = _graph.Add("Cast", [value], new() { ["to"] = (long)OnnxType.Float });
            value = _graph.Add("Transpose", [value], new() { ["perm"] = (long[])[0, 3, 1, 2] });
        }
        if (_options.Input != ImageInput.Normalized)
        {
            float scale = _options.Input == ImageInput.Pixels01 ? 1 : 255;
            Normalization normalization = _classifier.Normalization;
            value = _graph.Add("Sub", [value, _graph.Channels("preprocess.mean", normalization.Mean.Select(m => m * scale))]);
            value = _graph.Add("Div", [value, _graph.Channels("preprocess.std", normalization.StandardDeviation.Select(s => s * scale))]);
        }
        return _options.Half ? _graph.Add("Cast", [value], new() { ["to"] = (long)OnnxType.Float16 }) : value;
    }

    private string StemPool(string value) => _graph.Add("MaxPool", [value], new()
    {
        ["kernel_shape"] = (long[])[3, 3],
        ["strides"] = (long[])[2, 2],
        ["pads"] = (long[])[1, 1, 1, 1],
    });

    private string Stage(BodyStage stage, string value) => stage.Modules switch
    {
        [Conv2d convolution, BatchNorm2d norm] => Relu(_graph.ConvolutionNorm(convolution, norm, value)),
        [ResidualBlock block] => Residual(block, value),
        [] => _graph.Add("Flatten", [_graph.Add("GlobalAveragePool", [value])], new() { ["axis"] = 1L }),
        var other => throw Unknown(string.Join(", ", other.Select(m => m.GetType().Name))),
    };

    private string Residual(ResidualBlock block, string input)
    {
        string branch = input;
        for (int i = 0; i < block.BranchLayers.Count; i++)
        {
            (Conv2d convolution, BatchNorm2d norm) = block.BranchLayers[i];
            branch = _graph.ConvolutionNorm(convolution, norm, branch);
            if (i < block.BranchLayers.Count - 1)
                branch = Relu(branch);
        }
        string shortcut = block.Shortcut switch
        {
            null => input,
            ProjectionShortcut projection => _graph.ConvolutionNorm(projection.Convolution, projection.Norm, input),
            PaddedShortcut padded => Padded(padded, branch, input),
            var other => throw Unknown(other.GetType().Name),
        };
        return Relu(_graph.Add("Add", [branch, shortcut]));
    }

    // Every second pixel, and channels of zeros before and behind.
    private string Padded(PaddedShortcut shortcut, string name, string input)
    {
        string pixels = _graph.Add("Slice",
            [
                input, _graph.Longs($"{name}.starts", 0, 0), _graph.Longs($"{name}.ends", int.MaxValue, int.MaxValue), _graph.Longs($"{name}.axes", 2, 3),
                _graph.Longs($"{name}.steps", 2, 2),
            ]);
        return _graph.Add("Pad", [pixels, _graph.Longs($"{name}.pads", 0, shortcut.Padding, 0, 0, 0, shortcut.Padding, 0, 0)]);
    }

    private string Relu(string value) => _graph.Add("Relu", [value]);

    private OnnxException Unknown(string what) =>
        new(_classifier.Architecture, $"the {what} cannot be exported, allowed: the parts of the built-in architectures");
}
