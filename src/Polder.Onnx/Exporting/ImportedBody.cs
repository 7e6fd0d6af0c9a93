namespace Polder.Onnx.Exporting;

/// <summary>The body of a network that came from a file, as it is written again: with the weights of today, folded and of 16 bits where asked for.</summary>
internal sealed class ImportedBody
{
    private static readonly OnnxType[] RealTypes = [OnnxType.Float, OnnxType.Double, OnnxType.BFloat16];
    private static readonly string[] Resizing = ["Resize", "Upsample"];

    private readonly BodyGraph _body;
    private readonly Dictionary<string, Tensor> _constants = [];

    /// <summary>Reads the weights, into the caller's scope.</summary>
    /// <exception cref="OnnxException">It cannot be computed in 16 bits.</exception>
    public ImportedBody(OnnxClassifier network, ExportOptions options)
    {
        using IDisposable noGrad = no_grad();
        _body = network.Body;
        Nodes = [.. _body.Nodes];
        foreach ((string name, Constant constant) in _body.Constants)
            _constants.Add(name, network.Written.TryGetValue(name, out Func<Tensor>? trained) ? trained().detach() : constant.Read());
        if (options.Fold)
            Fold();
        if (options.Half)
            Halve();
    }

    /// <summary>The steps.</summary>
    public List<OnnxNode> Nodes { get; }

    /// <summary>What they read beside the image.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Constants
    {
        get
        {
            HashSet<string> read = [.. Nodes.SelectMany(n => n.Inputs)];
            return _constants.Where(c => read.Contains(c.Key));
        }
    }

    // A convolution and the BatchNorm that alone reads it become one, where no other node reads the weights.
    private void Fold()
    {
        Dictionary<string, int> readers = Nodes.SelectMany(n => n.Inputs).Append(_body.Output).CountBy(name => name).ToDictionary();
        foreach (OnnxNode norm in Nodes.Where(n => n is { Operator: "BatchNormalization", Domain: "" }).ToArray())
        {
            if (Nodes.Find(n => n.Outputs.Contains(norm.Inputs[0])) is not { Operator: "Conv", Domain: "" } convolution
                || readers[norm.Inputs[0]] > 1 || readers[convolution.Inputs[1]] > 1
                || convolution.Inputs.Skip(1).Concat(norm.Inputs.Skip(1)).Any(name => !_constants.ContainsKey(name)))
                continue;
            string weight = convolution.Inputs[1], bias = $"{weight}_shift";
            while (_constants.ContainsKey(bias) || readers.ContainsKey(bias))
                bias += "_";
            (_constants[weight], _constants[bias]) = FoldedNorm.Of(
                _constants[weight], convolution.Inputs.Count > 2 ? _constants[convolution.Inputs[2]] : null, _constants[norm.Inputs[1]],
                _constants[norm.Inputs[2]], _constants[norm.Inputs[3]], _constants[norm.Inputs[4]],
                norm.Attributes.TryGetValue("epsilon", out object? epsilon) ? (float)epsilon : 1e-5f);
            Nodes[Nodes.IndexOf(convolution)] = convolution with { Inputs = [convolution.Inputs[0], weight, bias], Outputs = [norm.Outputs[0]] };
            Nodes.Remove(norm);
        }
    }

    // Every real value becomes one of 16 bits: constants, and what nodes make of their own; but not the factors of a change of size.
    private void Halve()
    {
        HashSet<string> factors = [.. Nodes.Where(n => Resizing.Contains(n.Operator)).SelectMany(n => n.Inputs.Skip(1)).Where(name => name.Length > 0)];
        foreach (string factor in factors)
        {
            if (!_constants.ContainsKey(factor))
                throw new OnnxException(
                    _body.Path, $"'{factor}', which a change of size reads, is computed: that is not written in 16 bits, allowed: constants");
        }
        foreach (string name in _constants.Keys.Where(name => !factors.Contains(name) && _constants[name].is_floating_point()).ToArray())
            _constants[name] = _constants[name].to(ScalarType.Float16);
        for (int i = 0; i < Nodes.Count; i++)
        {
            Dictionary<string, object> attributes = new(Nodes[i].Attributes);
            if (attributes.TryGetValue("to", out object? to) && Array.Exists(RealTypes, type => (long)type == (long)to))
                attributes["to"] = (long)OnnxType.Float16;
            if (attributes.TryGetValue("value", out object? value) && value is OnnxTensor made && RealTypes.Contains(made.Type))
                attributes["value"] = OnnxTensor.Of(made.Name, made.ToTensor().to(ScalarType.Float16));
            Nodes[i] = Nodes[i] with { Attributes = attributes };
        }
    }
}
