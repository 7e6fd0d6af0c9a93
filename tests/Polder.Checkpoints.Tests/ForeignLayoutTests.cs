using static Polder.Checkpoints.Tests.Fixtures;

namespace Polder.Checkpoints.Tests;

/// <summary>Checkpoints as training programs lay them out: prefixes, averages beside the weights, objects of their own classes.</summary>
public sealed class ForeignLayoutTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.", "conv.weight")]
    [InlineData("net.", "conv.weight")]
    [InlineData("model._orig_mod.", "conv.weight")]
    [InlineData("module.model.", "conv.weight")]
    [InlineData("ema.", "conv.weight")]
    public void A_usual_prefix_is_taken_off_and_named(string prefix, string name)
    {
        using Checkpoint checkpoint = Load(Dictionary(("state_dict", Dictionary((prefix + name, Weight())))));
        Assert.Equal(prefix, checkpoint.Prefix);
        Assert.Equal([name], checkpoint.Tensors.Keys);
    }

    [Fact]
    public void The_counter_of_an_average_does_not_keep_the_prefix()
    {
        using Checkpoint checkpoint = Load(Dictionary(("model_ema", Dictionary(("n_averaged", Weight()), ("module.w", Weight())))));
        Assert.Equal(("model_ema", "module."), (checkpoint.Wrapper, checkpoint.Prefix));
        Assert.Equal(["w"], checkpoint.Tensors.Keys);
        Assert.Equal(["n_averaged"], checkpoint.LeftOut);
    }

    [Fact]
    public void A_key_prefix_chooses_among_networks()
    {
        byte[] root = Dictionary(
            ("state_dict", Dictionary(("module.encoder_q.w", Weight()), ("module.encoder_k.w", Weight()))),
            ("state_dict_ema", Dictionary(("module.w", Weight()))));
        foreach ((string key, string prefix, string leftOut) in new[] { ("module.encoder_q.", "module.encoder_q.", "module.encoder_k.w"),
            ("state_dict_ema.", "state_dict_ema.module.", "state_dict.module.encoder_q.w") })
        {
            using Checkpoint checkpoint = Load(root, new CheckpointOptions { KeyPrefix = key });
            Assert.Equal(prefix, checkpoint.Prefix);
            Assert.Equal(["w"], checkpoint.Tensors.Keys);
            Assert.Contains(leftOut, checkpoint.LeftOut);
        }
        CheckpointException refusal = Assert.Throws<CheckpointException>(() => Load(root, new CheckpointOptions { KeyPrefix = "body." }));
        Assert.Contains("begins with 'body.'; its names begin with module.", refusal.Reason);
    }

    [Fact]
    public void A_module_that_has_the_prefix_in_its_own_names_is_loaded_alike()
    {
        using TorchSharp.Modules.Sequential module = TorchSharp.torch.nn.Sequential(("net", TorchSharp.torch.nn.Linear(1, 1, hasBias: false)));
        using Checkpoint checkpoint = Load(Dictionary(("net.weight", Tensor("FloatStorage", "0", 1, 0, [1, 1], [1, 1]))));
        Assert.Equal("net.", checkpoint.Prefix);
        Assert.True(checkpoint.Into(module).IsComplete);
        Assert.Equal(7, TorchSharp.torch.nn.utils.parameters_to_vector(module.parameters()).item<float>());
    }

    // A dictionary of a class of its own, a path, an enumeration as key and value, a function's name, an object of the oldest protocols, one with named
    // arguments, and a partial call.
    [Theory]
    [InlineData("cpytorch_lightning.utilities.parsing\nAttributeDict\n)\u0081}b(X\u0002\0\0\0lrK\u0003u", "pytorch_lightning.utilities.parsing.AttributeDict")]
    [InlineData("cpathlib\nPosixPath\n(X\u0005\0\0\0/datatR", "pathlib.PosixPath")]
    [InlineData("c__main__\nMode\n(K\u0001tR", "__main__.Mode")]
    [InlineData("cmy.functions\nlower\n", "my.functions.lower")]
    [InlineData("ccopy_reg\n_reconstructor\n(cmy\nOld\nc__builtin__\nobject\nNtR}b", "my.Old")]
    [InlineData("cmy\nNamed\n)}\u0092", "my.Named")]
    [InlineData("cfunctools\npartial\n(ctorch.optim.sgd\nSGD\ntR", "functools.partial")]
    [InlineData("ccollections\ndefaultdict\n(c__builtin__\nlist\ntR(X\u0001\0\0\0aK\u0001u", "collections.defaultdict")]
    [InlineData("cargparse\nNamespace\n)\u0081}b", "argparse.Namespace")]
    [InlineData("ctorch.torch_version\nTorchVersion\n(X\u0003\0\0\02.1tR", "torch.torch_version.TorchVersion")]
    public void An_object_of_a_foreign_class_is_a_mere_name(string pickle, string name)
    {
        using Checkpoint checkpoint = Load(Dictionary(("state_dict", Dictionary(("model.w", Weight()))), ("hyper_parameters", Latin(pickle))));
        Assert.Equal(["w"], checkpoint.Tensors.Keys);
        Assert.Equal(name, checkpoint.Metadata["hyper_parameters"]);
        if (name.EndsWith("AttributeDict", StringComparison.Ordinal))
            Assert.Equal("3", checkpoint.Metadata["hyper_parameters.lr"]);
    }

    [Fact]
    public void A_foreign_object_that_holds_tensors_is_refused_by_name()
    {
        byte[] whole = Join(Ascii("c__main__\nNet\n)"), [0x81], Dictionary(("_parameters", Dictionary(("w", Weight())))), Ascii("b"));
        foreach (byte[] root in (byte[][])[whole, Dictionary(("net", whole), ("w", Weight())), Latin("c__main__\nNet\n)\u0081")])
            Assert.Contains("'__main__.Net'", Assert.Throws<CheckpointException>(() => Load(root)).Reason);
    }

    [Theory]
    [InlineData("csubprocess\nPopen\n(X\u0002\0\0\0lstR")]
    [InlineData("cbuiltins\ngetattr\n")]
    [InlineData("cimportlib\nimport_module\n")]
    [InlineData("ctorch.hub\nload\n")]
    [InlineData("ctorch._dynamo\nRun\n")]
    public void What_only_a_program_names_is_refused_beside_weights_too(string pickle) =>
        Assert.Contains("nothing was run", Assert.Throws<CheckpointException>(() => Load(Dictionary(("w", Weight()), ("x", Latin(pickle))))).Reason);

    private static byte[] Weight() => Tensor("FloatStorage", "0", 1, 0, [1], [1]);

    private static byte[] Latin(string text) => System.Text.Encoding.Latin1.GetBytes(text);

    private Checkpoint Load(byte[] root, CheckpointOptions? options = null) =>
        Checkpoint.Load(_folder.Write($"{Guid.NewGuid():N}.pt", PyTorchZip(root, ("0", Floats(7)))), options);
}
