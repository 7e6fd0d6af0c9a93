namespace Polder.Onnx.Importing;

/// <summary>
/// Computes what does not depend on the image, so that what is left of a graph is its layers. Loops, branches and sequences are followed here
/// alone: exporters use them to compute shapes. What a hostile file asks for is bounded in elements and in steps.
/// </summary>
internal sealed class ConstantFolding
{
    private const int MostSteps = 10_000;

    // What is only named many times takes no memory until it becomes a parameter: the largest networks, but not more.
    private const long MostRepeated = 1L << 28, MostComputed = 1L << 24;

    // Another form of the same numbers.
    private static readonly string[] Forms = ["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Cast", "DequantizeLinear"];

    private readonly string _path;
    private readonly int _opset;
    private readonly Dictionary<string, IReadOnlyList<Tensor>> _sequences = [];
    private long _computed, _repeated;
    private int _steps;

    private ConstantFolding(string path, int opset, long given) => (_path, _opset, _computed) = (path, opset, -given);

    /// <summary>Folds a graph.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="opset">The version of its operators.</param>
    /// <param name="constants">What is known, to which is added.</param>
    /// <returns>The nodes that are left.</returns>
    public static List<OnnxNode> Of(string path, OnnxGraph graph, int opset, Dictionary<string, Constant> constants)
    {
        using IDisposable noGrad = no_grad();
        var folding = new ConstantFolding(path, opset, constants.Values.Sum(c => c.Count));
        List<OnnxNode> left = [];
        foreach (OnnxNode node in graph.Nodes)
        {
            if (!node.Inputs.All(i => i.Length == 0 || constants.ContainsKey(i) || folding._sequences.ContainsKey(i))
                || (!Operators.Knows(node) && !IsControl(node)))
            {
                left.Add(node);
                continue;
            }
            using DisposeScope scope = NewDisposeScope();
            var values = new Lookup(name => constants.TryGetValue(name, out Constant? constant) ? constant.Read() : null, null);
            folding.Run(node, values);
            foreach (string output in node.Outputs.Where(values.Own.ContainsKey))
            {
                // An Identity of an initializer is an exporter's merging of equal ones: each is its own parameter.
                string origin = Forms.Contains(node.Operator) && constants.TryGetValue(node.Inputs[0], out Constant? from) ? from.Origin : output;
                constants[output] = Constant.Of(origin, values.Own[output].DetachFromDisposeScope());
            }
        }
        return left;
    }

    private static bool IsControl(OnnxNode node) => node.Domain.Length == 0 && node.Operator is "If" or "Loop" or "SequenceEmpty" or "SequenceConstruct"
        or "SequenceInsert" or "SequenceAt" or "ConcatFromSequence";

    private void Run(OnnxNode node, Lookup values)
    {
        if (++_steps > MostSteps)
            throw Error(node, $"computing constants takes more than {MostSteps} steps");
        if (IsControl(node))
        {
            Control(node, values);
            return;
        }
        bool repeats = node.Operator is "ConstantOfShape" or "Expand";
        Tensor?[] inputs = [.. node.Inputs.Select(name => name.Length == 0 ? null : values.Find(name) ?? throw Error(node, $"'{name}' is no constant"))];
        long limit = repeats ? MostRepeated - _repeated : MostComputed - _computed;
        IReadOnlyList<Tensor> results = Operators.Of(new NodeCall(_path, node, _opset, inputs, limit));
        for (int i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i].Length == 0)
                continue;
            values.Own[node.Outputs[i]] = results[i];
            if (repeats)
                _repeated += results[i].numel();
            else
                _computed += results[i].numel();
        }
        if (_computed > MostComputed || _repeated > MostRepeated)
            throw Error(node, "computing constants takes too many elements");
    }

    private void Control(OnnxNode node, Lookup values)
    {
        switch (node.Operator)
        {
            case "SequenceEmpty":
                _sequences[node.Outputs[0]] = [];
                break;
            case "SequenceConstruct":
                _sequences[node.Outputs[0]] = [.. node.Inputs.Select(Value)];
                break;
            case "SequenceInsert":
                var longer = new List<Tensor>(Sequence(0));
                longer.Insert(node.Inputs.Count > 2 ? Place(2, longer.Count + 1) : longer.Count, Value(node.Inputs[1]));
                _sequences[node.Outputs[0]] = longer;
                break;
            case "SequenceAt":
                values.Own[node.Outputs[0]] = Sequence(0)[Place(1, Sequence(0).Count)].alias();
                break;
            case "ConcatFromSequence":
                OnnxNode join = node with { Operator = "Concat", Inputs = [.. Sequence(0).Select((_, i) => $"{i}")] };
                IReadOnlyList<Tensor> parts = Sequence(0);
                var inside = new Lookup(name => parts[int.Parse(name, System.Globalization.CultureInfo.InvariantCulture)], null);
                Run(join, inside);
                values.Own[node.Outputs[0]] = inside.Own[node.Outputs[0]];
                break;
            case "If":
                bool yes = Number(node.Inputs[0]) != 0;
                Hand(Inside(Body(yes ? "then_branch" : "else_branch"), [], values), 0);
                break;
            default:
                Loop(node, values);
                break;
        }

        Tensor Value(string name) => values.Find(name) ?? throw Error(node, $"'{name}' is no constant");
        double Number(string name) => new NodeCall(_path, node, _opset, [Value(name)], 1).Number(0);
        IReadOnlyList<Tensor> Sequence(int index) =>
            _sequences.GetValueOrDefault(node.Inputs[index]) ?? throw Error(node, $"'{node.Inputs[index]}' is no sequence");
        int Place(int index, int count) => new NodeCall(_path, node, _opset, [], 1).Axis((long)Number(node.Inputs[index]), count);
        OnnxGraph Body(string name) => node.Attributes.GetValueOrDefault(name) as OnnxGraph ?? throw Error(node, $"has no {name}");
        void Hand(List<object> results, int from)
        {
            for (int i = 0; i < node.Outputs.Count && i + from < results.Count; i++)
                Give(values, node.Outputs[i], results[i + from]);
        }
    }

    private void Loop(OnnxNode node, Lookup values)
    {
        if (node.Attributes.GetValueOrDefault("body") is not OnnxGraph body || node.Inputs.Count < 2)
            throw Error(node, "has no body");
        if (body.Outputs.Count - 1 != node.Inputs.Count - 2)
            throw Error(node, "collects values, which is not supported");
        double rounds = node.Inputs[0].Length == 0 ? MostSteps : Of(0), going = node.Inputs[1].Length == 0 ? 1 : Of(1);
        List<object> state = [.. node.Inputs.Skip(2).Select(name => Known(name, values) ?? throw Error(node, $"'{name}' is no constant"))];
        for (long round = 0; round < rounds && going != 0; round++)
        {
            List<object> results = Inside(body, [tensor(round), tensor(going != 0), .. state], values);
            going = results[0] is Tensor more && more.numel() == 1 ? more.to(ScalarType.Float64).ToDouble() : throw Error(node, "has no condition");
            state = results[1..];
        }
        for (int i = 0; i < node.Outputs.Count && i < state.Count; i++)
            Give(values, node.Outputs[i], state[i]);

        double Of(int index) => values.Find(node.Inputs[index]) is { } value && value.numel() == 1 ? value.to(ScalarType.Float64).ToDouble()
            : throw Error(node, $"input {index} is no constant number");
    }

    // A graph inside a node sees what is around it.
    private List<object> Inside(OnnxGraph graph, List<object> inputs, Lookup around)
    {
        var values = new Lookup(
            name => graph.Constants.TryGetValue(name, out OnnxTensor? constant) ? GraphEvaluator.Widened(constant.ToTensor()) : null, around);
        for (int i = 0; i < graph.Inputs.Count && i < inputs.Count; i++)
            Give(values, graph.Inputs[i].Name, inputs[i]);
        foreach (OnnxNode node in graph.Nodes)
            Run(node, values);
        return [.. graph.Outputs.Select(o => Known(o.Name, values) ?? throw new OnnxException(_path, $"nothing writes '{o.Name}'"))];
    }

    private object? Known(string name, Lookup values) => _sequences.TryGetValue(name, out IReadOnlyList<Tensor>? sequence) ? sequence : values.Find(name);

    private void Give(Lookup values, string name, object value)
    {
        if (name.Length == 0)
            return;
        if (value is Tensor single)
            values.Own[name] = single;
        else
            _sequences[name] = (IReadOnlyList<Tensor>)value;
    }

    private OnnxException Error(OnnxNode node, string reason) => new(_path, $"{node}: {reason}");

    private sealed class Lookup(Func<string, Tensor?> given, Lookup? around)
    {
        public Dictionary<string, Tensor> Own { get; } = [];

        public Tensor? Find(string name) => Own.TryGetValue(name, out Tensor? own) ? own : given(name) ?? around?.Find(name);
    }
}
