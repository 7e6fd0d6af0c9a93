using Polder.Checkpoints.Onnx.Wire;
using TorchSharp;

namespace Polder.Onnx.Tests;

/// <summary>ONNX's own tests of its operators, a small graph and its values each, as Debian's libonnx-testdata has them.</summary>
public class NodeTests
{
    // A newer version's tests have a folder of their own.
    private static readonly string Folder = Environment.GetEnvironmentVariable("POLDER_ONNX_NODE_TESTS") ?? "/usr/share/libonnx-testdata/data/node";

    private const string Pi = "the expected values are those of pi as 3.1415, the graph has it in 32 bits";

    // Everything that a network which classifies images is made of passes; these are known differences, with their reason.
    private static readonly Dictionary<string, string> Different = new()
    {
        ["test_blackmanwindow_expanded"] = Pi,
        ["test_blackmanwindow_symmetric_expanded"] = Pi,
        ["test_hammingwindow_expanded"] = Pi,
        ["test_hammingwindow_symmetric_expanded"] = Pi,
        ["test_hannwindow_expanded"] = Pi,
        ["test_hannwindow_symmetric_expanded"] = Pi,
        ["test_training_dropout"] = "a network is used as in evaluation",
        ["test_training_dropout_default"] = "a network is used as in evaluation",
        ["test_training_dropout_default_mask"] = "a network is used as in evaluation",
        ["test_training_dropout_mask"] = "a network is used as in evaluation",
        ["test_cast_DOUBLE_to_FLOAT16"] = "floats of 64 bits stay such, so that gradients can be checked in them",
        ["test_castlike_DOUBLE_to_FLOAT16"] = "floats of 16 bits are computed in 32",
        ["test_castlike_DOUBLE_to_FLOAT16_expanded"] = "floats of 64 bits stay such, so that gradients can be checked in them",
        ["test_attention_4d_fp16"] = "floats of 16 bits are computed in 32",
        ["test_attention_4d_fp16_expanded"] = "floats of 16 bits are computed in 32",
        ["test_attention_4d_gqa_with_past_and_present_fp16_expanded"] = "floats of 16 bits are computed in 32",
        ["test_averagepool_2d_ceil_last_window_starts_on_pad"] = "the expected values are rounded to four places",
        ["test_castlike_FLOAT_to_BFLOAT16"] = "floats of 16 bits are computed in 32",
        ["test_l2normalization_axis_0"] = "a row of zeros stays that, as in ONNX Runtime, and is no division by zero",
        ["test_castlike_FLOAT_to_FLOAT16"] = "floats of 16 bits are computed in 32",
    };

    [Fact]
    public void Operators_give_what_onnx_says()
    {
        Assert.SkipUnless(Directory.Exists(Folder), $"needs {Folder} (apt install libonnx-testdata)");
        List<string> wrong = [];
        SortedDictionary<string, int> refused = [];
        int all = 0, known = 0, passed = 0, different = 0;
        foreach (string test in Directory.GetDirectories(Folder).Order(StringComparer.Ordinal))
        {
            all++;
            string name = Path.GetFileName(test);
            using DisposeScope scope = NewDisposeScope();
            try
            {
                using OnnxFile file = OnnxFile.Open(Path.Combine(test, "model.onnx"));
                OnnxGraph graph = file.Model.Graph;
                if (graph.Nodes.FirstOrDefault(n => !Operators.Knows(n)) is not null)
                    continue;
                known++;
                Dictionary<string, Tensor> inputs = graph.Inputs.Select((input, i) => (input.Name, Values(test, "input", i))).ToDictionary();
                IReadOnlyDictionary<string, Tensor> outputs = GraphEvaluator.Run(file.Path, graph, file.Model.Opset, inputs);
                string[] bad = [.. graph.Outputs.Where((o, i) => !IsLike(outputs[o.Name], Values(test, "output", i))).Select(o => o.Name)];
                if (bad.Length == 0)
                    passed++;
                else if (Different.ContainsKey(name))
                    different++;
                else
                    wrong.Add($"{name}: {string.Join(", ", bad)}");
            }
            catch (OnnxException e)
            {
                // Said in words, not computed wrongly.
                refused[$"{name}: {e.Reason}"] = 1;
            }
        }
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{all} tests, {known} of known operators, {passed} passed, {different} differ for a known reason, {refused.Count} refused (also of others)\n"
            + string.Join('\n', refused.Keys.Concat(wrong)));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(passed > 400, $"{passed} passed");
    }

    private static Tensor Values(string test, string kind, int index)
    {
        string path = Path.Combine(test, "test_data_set_0", $"{kind}_{index}.pb");
        using var file = new OnnxSource(path);
        using var external = new ExternalData(path);
        return GraphEvaluator.Widened(new TensorReader(external).Read(new WireReader(file)).ToTensor());
    }

    private static bool IsLike(Tensor found, Tensor expected)
    {
        if (!found.shape.SequenceEqual(expected.shape))
            return false;
        if (found.numel() == 0)
            return true;
        Tensor a = found.to(ScalarType.Float64), b = expected.to(ScalarType.Float64);
        // ONNX's own runner allows 1e-3 of each value; its expected values are of 32 bits themselves.
        return a.sub(b).abs().le(b.abs().mul(1e-4).add(1e-5)).logical_or(a.eq(b)).logical_or(a.isnan().logical_and(b.isnan())).all().ToBoolean();
    }
}
