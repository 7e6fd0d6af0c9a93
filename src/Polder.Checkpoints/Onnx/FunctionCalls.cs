namespace Polder.Checkpoints.Onnx;

/// <summary>
/// Puts the nodes of a file's functions in the place of the nodes that call them (onnx/docs/IR.md, "Functions"): whoever uses the graph then need not know that
/// there are functions. Each call's values get names of their own.
/// </summary>
internal sealed class FunctionCalls
{
    // Functions that call functions twice each grow as the powers of two.
    private const int MostNodes = 50_000, Deepest = 32, LongestName = 200;

    private readonly Dictionary<FunctionKey, OnnxFunction> _functions = [];
    private readonly Func<string, Exception> _refuse;
    private readonly HashSet<string> _taken = [];
    private readonly Stack<FunctionKey> _open = [];
    private readonly int _opset;
    private int _calls, _nodes;

    private FunctionCalls(OnnxGraph graph, IReadOnlyList<OnnxFunction> functions, int opset, Func<string, Exception> refuse)
    {
        _refuse = refuse;
        foreach (OnnxFunction function in functions)
        {
            if (!_functions.TryAdd(function.Key, function))
                throw refuse($"defines the function {function.Key} twice");
            // A graph by default would name values of no call.
            if (function.Defaults.FirstOrDefault(d => d.Value is AttributeReference or OnnxGraph).Key is { } name)
                throw refuse($"function {function.Key} has a default of '{name}' that is no value of its own");
        }
        _opset = opset;
        TakeNames(graph);
    }

    /// <summary>The graph without calls of functions.</summary>
    /// <param name="graph">The graph of a file, in order.</param>
    /// <param name="functions">The file's functions.</param>
    /// <param name="opset">The version of the file's operators.</param>
    /// <param name="refuse">Makes the exception of a reason.</param>
    public static OnnxGraph Inlined(OnnxGraph graph, IReadOnlyList<OnnxFunction> functions, int opset, Func<string, Exception> refuse)
    {
        if (functions.Count == 0)
        {
            RequireValues(graph, refuse);
            return graph;
        }
        List<OnnxNode> nodes = new FunctionCalls(graph, functions, opset, refuse).Nodes(graph.Nodes, Scope.OfGraph);
        return GraphOrder.Of(graph with { Nodes = nodes }, isInner: false, refuse);
    }

    private static void RequireValues(OnnxGraph graph, Func<string, Exception> refuse)
    {
        foreach (OnnxNode node in graph.Nodes)
        {
            foreach ((string name, object value) in node.Attributes)
            {
                if (value is AttributeReference)
                    throw Stray(node, name, refuse);
                if (value is OnnxGraph inner)
                    RequireValues(inner, refuse);
            }
        }
    }

    private static Exception Stray(OnnxNode node, string attribute, Func<string, Exception> refuse) =>
        refuse($"{node}: '{attribute}' is that of a function, and there is none around it");

    private List<OnnxNode> Nodes(IReadOnlyList<OnnxNode> nodes, Scope scope)
    {
        List<OnnxNode> all = [];
        foreach (OnnxNode node in nodes)
        {
            OnnxNode renamed = Renamed(node, scope);
            if (_functions.TryGetValue(new FunctionKey(node.Domain, node.Operator, node.Overload), out OnnxFunction? function))
                all.AddRange(Call(renamed, function));
            else
                all.Add(renamed);
        }
        return all;
    }

    private List<OnnxNode> Call(OnnxNode call, OnnxFunction function)
    {
        if (_open.Contains(function.Key))
            throw _refuse($"function {function.Key} calls itself");
        if (function.Opset is { } own && own != _opset)
            throw _refuse($"function {function.Key} is of opset {own} in a file of opset {_opset}, allowed: the file's");
        if (_open.Count == Deepest)
            throw _refuse($"{call}: functions call functions more than {Deepest} deep");
        _nodes += function.Nodes.Count;
        if (_nodes > MostNodes)
            throw _refuse($"its functions stand for more than {MostNodes} nodes");
        if (call.Inputs.Count > function.Inputs.Count || call.Outputs.Count > function.Outputs.Count)
            throw _refuse($"{call} has {call.Inputs.Count} inputs and {call.Outputs.Count} outputs, allowed: {function.Inputs.Count} and "
                + $"{function.Outputs.Count}, those of the function {function.Key}");
        string prefix = Fresh();
        var names = new Dictionary<string, string> { [""] = "" };
        foreach ((int i, string input) in function.Inputs.Index())
        {
            if (!names.TryAdd(input, i < call.Inputs.Count ? call.Inputs[i] : ""))
                throw _refuse($"function {function.Key} has the input '{input}' twice");
        }
        List<OnnxNode> given = [];
        foreach ((int i, string output) in function.Outputs.Index())
        {
            string name = i < call.Outputs.Count ? call.Outputs[i] : "";
            if (name.Length == 0)
                continue;
            // What comes in may go out as it is, or twice.
            if (names.TryGetValue(output, out string? same))
                given.Add(new OnnxNode("Identity", "", [same], [name], new Dictionary<string, object>()));
            else
                names[output] = name;
        }
        foreach (string inner in function.Nodes.SelectMany(n => n.Outputs))
            names.TryAdd(inner, $"{prefix}/{(inner.Length > LongestName ? $"{names.Count}" : inner)}");
        var attributes = new Dictionary<string, object>(function.Defaults);
        foreach ((string name, object value) in call.Attributes)
        {
            if (!function.Attributes.Contains(name) && !function.Defaults.ContainsKey(name))
                throw _refuse($"{call} has the attribute '{name}', which the function {function.Key} has not");
            attributes[name] = value;
        }
        _open.Push(function.Key);
        List<OnnxNode> nodes = [.. Nodes(function.Nodes, new Scope(function.Key, names, attributes, CallName(call))), .. given];
        _open.Pop();
        return nodes;
    }

    private OnnxNode Renamed(OnnxNode node, Scope scope)
    {
        var attributes = new Dictionary<string, object>();
        foreach ((string name, object value) in node.Attributes)
        {
            object? found = value switch
            {
                AttributeReference reference => scope.Attributes is { } given ? given.GetValueOrDefault(reference.Name)
                    : throw Stray(node, name, _refuse),
                OnnxGraph graph => Renamed(graph, scope),
                _ => value,
            };
            if (found is not null) // an attribute that the caller leaves out is left out
                attributes[name] = found;
        }
        return node with
        {
            Name = scope.Caller.Length == 0 ? node.Name : $"{scope.Caller}/{(node.Name.Length is > 0 and <= LongestName ? node.Name : node.Operator)}",
            Inputs = [.. node.Inputs.Select(Value)],
            Outputs = [.. node.Outputs.Select(Value)],
            Attributes = attributes,
        };

        string Value(string name) => scope.Find(name) ?? throw _refuse($"function {scope.Function}, {node}: nothing in it writes '{name}'");
    }

    // A graph inside a node sees what is around it; its own values are new with each call.
    private OnnxGraph Renamed(OnnxGraph graph, Scope scope)
    {
        if (scope.Names is null)
            return graph with { Nodes = Nodes(graph.Nodes, scope) };
        string prefix = Fresh();
        var names = new Dictionary<string, string>(scope.Names);
        foreach (string own in graph.Inputs.Select(i => i.Name).Concat(graph.Constants.Keys).Concat(graph.Nodes.SelectMany(n => n.Outputs)))
        {
            if (own.Length > 0)
                names[own] = $"{prefix}/{(own.Length > LongestName ? $"{names.Count}" : own)}";
        }
        var inner = scope with { Names = names };
        return graph with
        {
            Inputs = [.. graph.Inputs.Select(Value)],
            Outputs = [.. graph.Outputs.Select(Value)],
            Constants = graph.Constants.Values.Select(c => c with { Name = names[c.Name] }).ToDictionary(c => c.Name),
            Nodes = Nodes(graph.Nodes, inner),
        };

        OnnxValue Value(OnnxValue value) => value with
        {
            Name = inner.Find(value.Name) ?? throw _refuse($"function {scope.Function}: nothing in it writes '{value.Name}'"),
        };
    }

    private static string CallName(OnnxNode call) => call.Name.Length is > 0 and <= LongestName ? call.Name : call.Operator;

    private string Fresh()
    {
        string name;
        do
            name = $"call{++_calls}";
        while (_taken.Contains(name));
        return name;
    }

    // What stands before the first slash of a name.
    private void TakeNames(OnnxGraph graph)
    {
        foreach (string name in graph.Inputs.Select(i => i.Name).Concat(graph.Constants.Keys).Concat(graph.Nodes.SelectMany(n => n.Outputs)))
            _taken.Add(name.Split('/')[0]);
        foreach (OnnxGraph inner in graph.Nodes.SelectMany(n => n.Attributes.Values.OfType<OnnxGraph>()))
            TakeNames(inner);
    }

    /// <summary>What names mean in the nodes of a call.</summary>
    /// <param name="Function">The function.</param>
    /// <param name="Names">Its names, as the whole graph has them; null in the graph of the file, where they are that.</param>
    /// <param name="Attributes">The values of the function's attributes; null in the graph of the file.</param>
    /// <param name="Caller">The name of the node that calls; empty in the graph of the file.</param>
    private sealed record Scope(
        FunctionKey Function, IReadOnlyDictionary<string, string>? Names, IReadOnlyDictionary<string, object>? Attributes, string Caller)
    {
        public static Scope OfGraph { get; } = new(default, null, null, "");

        public string? Find(string name) => Names is null ? name : Names.GetValueOrDefault(name);
    }
}
