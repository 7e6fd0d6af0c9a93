using System.Diagnostics;
using Polder.Checkpoints.Onnx.Wire;
using TorchSharp;

namespace Polder.Onnx.Tests;

/// <summary>Files that define functions of their own: what ONNX Runtime makes of them, and what is refused.</summary>
public sealed class FunctionTests : IDisposable
{
    private const int Opset = 17;

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-functions-").FullName;

    private string Model => Path.Combine(_folder, "model.onnx");

    public FunctionTests() => OnnxNetworks.Register();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Calls_with_attributes_defaults_and_values_left_out_are_those_of_onnx_runtime()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3);
        // Names inside a function are those of the graph and of another function, too.
        Function leaky = new("Leaky", ["x"], ["y", "again"],
            [Node("LeakyRelu", ["x"], ["h"], [], new() { ["alpha"] = "slope" }), Node("Add", ["h", "x"], ["y"]), Node("Identity", ["x"], ["again"])])
        { Defaults = new() { ["slope"] = 0.25f } };
        Function block = new("Block", ["a", "w", "b"], ["y"],
        [
            Node("Conv", ["a", "w", "b"], ["h"], new() { ["kernel_shape"] = (long[])[3, 3] }, new() { ["pads"] = "edges", ["group"] = "parts" }),
            Own("Leaky", ["h"], ["h1", "unused"], [], new() { ["slope"] = "steep" }), Own("Leaky", ["h1"], ["h2", "same"]),
            Node("Sub", ["h2", "same"], ["y"]),
        ])
        { Attributes = ["edges", "parts", "steep"] };
        Write(
        [
            Own("Block", ["x", "w1", "b1"], ["h"], new() { ["edges"] = (long[])[1, 1, 1, 1], ["steep"] = 0.125f }),
            // Neither a bias nor the attributes.
            Own("Block", ["h", "w2"], ["call1/h"]), Own("Leaky", ["call1/h"], ["y", "unused"]),
        ], [leaky, block], Real("w1", 4, 3, 3, 3), Real("b1", 4), Real("w2", 5, 4, 3, 3));
        Tensor image = randn([2, 3, 8, 8], generator: generator);
        float[] expected = Runtime.First(Model, image.data<float>().ToArray(), image.shape);
        using OnnxFile file = OnnxFile.Open(Model);
        Tensor found = GraphEvaluator.Run(Model, file.Model.Graph, Opset, new Dictionary<string, Tensor> { ["x"] = image })["y"];
        Assert.Equal([2, 5, 6, 6], found.shape);
        float most = 1e-6f * expected.Max(Math.Abs);
        Assert.All(expected.Zip(found.contiguous().data<float>().ToArray()), p => Assert.InRange(p.First - p.Second, -most, most));
        // Nothing of the functions is left, and every value has one name.
        Assert.All(file.Model.Graph.Nodes, n => Assert.Equal("", n.Domain));
        string[] written = [.. file.Model.Graph.Nodes.SelectMany(n => n.Outputs)];
        Assert.Equal(written.Length, written.Distinct().Count());

        OnnxTensor Real(string name, params long[] shape) => OnnxTensor.Of(name, randn(shape, generator: generator));
    }

    [Fact]
    public void Graphs_inside_a_function_see_what_is_around_the_call()
    {
        using DisposeScope scope = NewDisposeScope();
        OnnxGraph Branch(string type) => new(type, [], [new OnnxValue("chosen", OnnxType.Float, null)],
            [new OnnxNode(type, "", ["v", "half"], ["chosen"], new Dictionary<string, object>())],
            new Dictionary<string, OnnxTensor> { ["half"] = OnnxTensor.Of("half", tensor(0.5f)) });
        Function choose = new("Choose", ["v", "which"], ["out"],
            [Node("If", ["which"], ["out"], new() { ["then_branch"] = Branch("Add"), ["else_branch"] = Branch("Mul") })]);
        Write([Own("Choose", ["w", "yes"], ["v"]), Own("Choose", ["v", "no"], ["half"]), Node("Mul", ["x", "half"], ["y"])], [choose],
            OnnxTensor.Of("yes", tensor(true)), OnnxTensor.Of("no", tensor(false)), OnnxTensor.Of("w", tensor(3f)));
        Tensor image = arange(1 * 3 * 8 * 8).to(ScalarType.Float32).view(1, 3, 8, 8);
        using OnnxFile file = OnnxFile.Open(Model);
        var constants = file.Model.Graph.Constants.Values.ToDictionary(c => c.Name, Constant.Of);
        List<OnnxNode> nodes = ConstantFolding.Of(Model, file.Model.Graph, Opset, constants);
        Tensor found = GraphEvaluator.Run(Model, nodes, Opset, new Dictionary<string, Tensor> { ["x"] = image },
            name => constants.TryGetValue(name, out Constant? constant) ? constant.Read() : null, ["y"])["y"];
        Assert.Equal(Runtime.First(Model, image.data<float>().ToArray(), image.shape), found.contiguous().data<float>().ToArray());
        Assert.True((image * 1.75).equal(found).all().item<bool>());
    }

    [Fact]
    public void A_network_of_functions_trains()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3);
        Function block = new("Block", ["x", "w"], ["y"],
            [Node("Conv", ["x", "w"], ["h"], new() { ["pads"] = (long[])[1, 1, 1, 1] }), Node("Relu", ["h"], ["y"])]);
        Write(
        [
            Own("Block", ["x", "w1"], ["h1"]), Own("Block", ["h1", "w2"], ["h2"]), Node("GlobalAveragePool", ["h2"], ["p"]), Node("Flatten", ["p"], ["f"]),
            Node("Gemm", ["f", "w3"], ["y"], new() { ["transB"] = 1L }),
        ], [block], Real("w1", 4, 3, 3, 3), Real("w2", 5, 4, 3, 3), Real("w3", 2, 5));
        using TrainedClassifier opened = TrainedClassifier.Open(Model);
        ImageClassifier classifier = opened.Network;
        // A Gemm without a bias is a layer with one.
        Assert.Equal([108, 180, 10, 2], classifier.parameters().Select(p => p.numel()));
        Tensor image = randn([2, 3, 8, 8], generator: generator);
        Tensor logits = classifier.call(image);
        Assert.All(Runtime.First(Model, image.data<float>().ToArray(), image.shape).Zip(logits.data<float>().ToArray()),
            p => Assert.InRange(p.First - p.Second, -1e-5, 1e-5));
        logits.square().sum().backward();
        Assert.All(classifier.parameters(), p => Assert.True(p.grad!.abs().sum().item<float>() > 0));

        OnnxTensor Real(string name, params long[] shape) => OnnxTensor.Of(name, randn(shape, generator: generator));
    }

    [Fact]
    public void What_comes_in_may_go_out_as_it_is()
    {
        Write([Own("F", ["x"], ["", "y"])], [new("F", ["x"], ["z", "x"], [Node("Relu", ["x"], ["z"])])]);
        using OnnxFile file = OnnxFile.Open(Model);
        OnnxNode last = file.Model.Graph.Nodes.Single(n => n.Outputs.Contains("y"));
        Assert.Equal(("Identity", "x"), (last.Operator, last.Inputs.Single()));
    }

    public static TheoryData<string> Wrongs => [.. Wrong.Keys];

    private static readonly Dictionary<string, (Call[] Calls, Function[] Functions)> Wrong = new()
    {
        ["calls itself"] = ([Own("F", ["x"], ["y"])], [new("F", ["x"], ["y"], [Own("G", ["x"], ["y"])]), new("G", ["x"], ["y"], [Own("F", ["x"], ["y"])])]),
        ["twice"] = ([Own("F", ["x"], ["y"])], [Identity("F"), Identity("F")]),
        ["the input 'x' twice"] = ([Own("F", ["x"], ["y"])], [new("F", ["x", "x"], ["y"], [Node("Relu", ["x"], ["y"])])]),
        ["has 2 inputs and 1 outputs, allowed: 1 and 1"] = ([Own("F", ["x", "x"], ["y"])], [Identity("F")]),
        ["nothing in it writes 'outer'"] = ([Node("Relu", ["x"], ["outer"]), Own("F", ["x"], ["y"])],
            [new("F", ["x"], ["y"], [Node("Add", ["x", "outer"], ["y"])])]),
        ["nothing writes the output 'y'"] = ([Own("F", ["x"], ["y"])], [new("F", ["x"], ["z"], [Node("Relu", ["x"], ["other"])])]),
        ["is written twice"] = ([Own("F", ["x"], ["y"])], [new("F", ["x"], ["z"], [Node("Relu", ["x"], ["z"]), Node("Relu", ["x"], ["z"])])]),
        ["it needs its own output"] = ([Own("F", ["x"], ["y"])], [new("F", ["x"], ["z"], [Node("Add", ["x", "h"], ["z"]), Node("Relu", ["z"], ["h"])])]),
        ["'steep', which the function local.F has not"] = ([Own("F", ["x"], ["y"], new() { ["steep"] = 1f })], [Identity("F")]),
        ["is that of a function, and there is none around it"] = ([Node("LeakyRelu", ["x"], ["y"], [], new() { ["alpha"] = "slope" })], []),
        ["has a default of 'body' that is no value"] = ([Own("F", ["x"], ["y"])], [Identity("F") with
        {
            Defaults = new() { ["body"] = new OnnxGraph("g", [], [new("r", OnnxType.Float, null)],
                [new("Relu", "", ["x"], ["r"], new Dictionary<string, object>())], new Dictionary<string, OnnxTensor>()) },
        }]),
        ["opset 11 in a file of opset 17"] = ([Own("F", ["x"], ["y"])], [Identity("F") with { Opset = 11 }]),
        ["G"] = ([Own("F", ["x"], ["y"])], [new("F", ["x"], ["y"], [Own("G", ["x"], ["y"])])]), // an operator that nobody has
        // Each calls the next twice, forty of them: 2^40 nodes.
        ["more than 50000 nodes"] = ([Own("F0", ["x"], ["y"])], [.. Enumerable.Range(0, 30).Select(i =>
            new Function($"F{i}", ["x"], ["y"], [Own($"F{i + 1}", ["x"], ["h"]), Own($"F{i + 1}", ["h"], ["y"])])), Identity("F30")]),
        ["more than 32 deep"] = ([Own("F0", ["x"], ["y"])],
            [.. Enumerable.Range(0, 40).Select(i => new Function($"F{i}", ["x"], ["y"], [Own($"F{i + 1}", ["x"], ["y"])])), Identity("F40")]),
    };

    [Theory]
    [MemberData(nameof(Wrongs))]
    public void What_is_wrong_is_refused_in_one_line(string words)
    {
        Write(Wrong[words].Calls, Wrong[words].Functions);
        long before = Process.GetCurrentProcess().PeakWorkingSet64;
        var watch = Stopwatch.StartNew();
        OnnxException refused = Assert.Throws<OnnxException>(() => TrainedClassifier.Open(Model).Dispose());
        Assert.Contains(words, refused.Reason);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 2);
        Assert.InRange(Process.GetCurrentProcess().PeakWorkingSet64, 0, before + 300_000_000);
    }

    private static Function Identity(string name) => new(name, ["x"], ["y"], [Node("Relu", ["x"], ["y"])]);

    private static Call Node(
        string type, string[] inputs, string[] outputs, Dictionary<string, object>? attributes = null, Dictionary<string, string>? references = null) =>
        new(new OnnxNode(type, "", inputs, outputs, attributes ?? []), references ?? []);

    private static Call Own(
        string type, string[] inputs, string[] outputs, Dictionary<string, object>? attributes = null, Dictionary<string, string>? references = null)
    {
        Call call = Node(type, inputs, outputs, attributes, references);
        return call with { Node = call.Node with { Domain = "local" } };
    }

    // The message of a model by hand: the writer knows no functions.
    private void Write(Call[] calls, Function[] functions, params OnnxTensor[] constants)
    {
        var file = new WireWriter();
        file.Long(1, 10);
        file.Message(7, graph =>
        {
            Nodes(graph, 1, calls);
            graph.Text(2, "functions");
            var border = new OnnxGraph("", [new OnnxValue("x", OnnxType.Float, [new(null, "n"), new(3), new(8), new(8)])],
                [new OnnxValue("y", OnnxType.Float, null)], [], constants.ToDictionary(c => c.Name));
            ModelWriter.Graph(graph, border);
        });
        foreach (Function function in functions)
        {
            file.Message(25, message =>
            {
                message.Text(1, function.Name);
                foreach (string input in function.Inputs)
                    message.Text(4, input);
                foreach (string output in function.Outputs)
                    message.Text(5, output);
                foreach (string attribute in function.Attributes)
                    message.Text(6, attribute);
                Nodes(message, 7, function.Calls);
                Versions(message, 9, function.Opset);
                message.Text(10, "local");
                foreach ((string name, object value) in function.Defaults)
                    message.Message(11, attribute => ModelWriter.Attribute(attribute, name, value));
            });
        }
        Versions(file, 8, Opset);
        using FileStream stream = File.Create(Model);
        file.CopyTo(stream);
    }

    private static void Versions(WireWriter to, int field, int opset)
    {
        foreach ((string domain, int version) in ((string, int)[])[("", opset), ("local", 1)])
        {
            to.Message(field, message =>
            {
                message.Text(1, domain);
                message.Long(2, version);
            });
        }
    }

    private static void Nodes(WireWriter to, int field, Call[] calls)
    {
        foreach (Call call in calls)
        {
            to.Message(field, message =>
            {
                ModelWriter.Node(message, call.Node);
                foreach ((string name, string reference) in call.References)
                {
                    message.Message(5, attribute =>
                    {
                        attribute.Text(1, name);
                        attribute.Long(20, name == "alpha" || name == "slope" ? 1 : name == "group" ? 2 : 7);
                        attribute.Text(21, reference);
                    });
                }
            });
        }
    }

    private sealed record Call(OnnxNode Node, Dictionary<string, string> References);

    private sealed record Function(string Name, string[] Inputs, string[] Outputs, Call[] Calls)
    {
        public string[] Attributes { get; init; } = [];

        public Dictionary<string, object> Defaults { get; init; } = [];

        public int Opset { get; init; } = FunctionTests.Opset;
    }
}
