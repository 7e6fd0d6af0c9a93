using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Checkpoints.Tests;

public sealed class ModuleLoadingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void All_tensors_of_a_module_come_back_bit_for_bit()
    {
        using Sequential source = Network(), target = Network();
        using Checkpoint checkpoint = Save(source.state_dict());
        LoadReport report = checkpoint.Into(target);
        Assert.True(report.IsComplete);
        Assert.Equal(source.state_dict().Keys, report.Loaded.Select(t => t.Name));
        foreach ((string name, Tensor value) in source.state_dict())
            Assert.True(value.eq(target.state_dict()[name]).all().item<bool>(), name);
    }

    [Fact]
    public void Counters_of_batches_may_be_missing()
    {
        using Sequential source = Network(), target = Network();
        using Checkpoint checkpoint = Save(source.state_dict().Where(t => !t.Key.EndsWith("num_batches_tracked")));
        LoadReport report = checkpoint.Into(target);
        Assert.Equal(["1.num_batches_tracked"], report.MissingCounters.Select(t => t.Name));
        Assert.Empty(report.Missing);
    }

    [Fact]
    public void A_strict_failure_names_everything_and_changes_nothing()
    {
        using Sequential source = Network(), target = Network();
        Dictionary<string, Tensor> state = source.state_dict();
        state.Remove("0.bias");
        state["2.weight"] = zeros(5, 6);
        state["extra"] = zeros(1);
        using Checkpoint checkpoint = Save(state);
        Dictionary<string, Tensor> before = target.state_dict().ToDictionary(t => t.Key, t => t.Value.clone());
        CheckpointException failure = Assert.Throws<CheckpointException>(() => checkpoint.Into(target));
        Assert.All(["0.bias Float32 [6]", "2.weight: Float32 [5, 6] in the file, Float32 [3, 6] in the model", "extra Float32 [1]"],
            part => Assert.Contains(part, failure.Message));
        foreach ((string name, Tensor value) in target.state_dict())
            Assert.True(value.eq(before[name]).all().item<bool>(), name);

        LoadReport report = checkpoint.Into(target, strict: false);
        Assert.Equal(failure.Report!.ToString(), report.ToString());
        Assert.Equal("0.bias", Assert.Single(report.Missing).Name);
        Assert.Equal("2.weight", Assert.Single(report.Misshapen).Name);
        Assert.Equal("extra", Assert.Single(report.Ignored).Name);
        Assert.True(target.state_dict()["0.weight"].eq(state["0.weight"]).all().item<bool>());
        Assert.True(target.state_dict()["2.weight"].eq(before["2.weight"]).all().item<bool>());
    }

    [Fact]
    public void Real_numbers_convert_and_others_do_not()
    {
        using Linear target = nn.Linear(2, 1);
        using (Checkpoint half = Save([new("weight", tensor(new[] { 0.5f, -2 }).reshape(1, 2).to(ScalarType.BFloat16)), new("bias", tensor(new[] { 3.0 }))]))
            half.Into(target);
        Assert.Equal(0.5f, target.weight![0, 0].item<float>());
        Assert.Equal(3f, target.bias![0].item<float>());
        Assert.Equal(ScalarType.Float32, target.weight.dtype);
        using Checkpoint complex = Save([new("weight", zeros(1, 2, ScalarType.ComplexFloat32)), new("bias", zeros(1))]);
        Assert.Equal("weight", Assert.Single(complex.Into(target, strict: false).Misshapen).Name);
    }

    [Fact]
    public void Loading_keeps_nothing_but_the_checkpoints_own_tensors()
    {
        using Sequential model = Network();
        string path = _folder.File("leak.safetensors");
        Safetensors.Write(path, model.state_dict().Select(t => (t.Key, t.Value)));
        Checkpoint.Load(path).Dispose();
        long before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        for (int i = 0; i < 20; i++)
        {
            using Checkpoint checkpoint = Checkpoint.Load(path);
            checkpoint.Into(model);
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    private static Sequential Network() => nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3));

    private Checkpoint Save(IEnumerable<KeyValuePair<string, Tensor>> state)
    {
        string path = _folder.File("model.safetensors");
        Safetensors.Write(path, state.Select(t => (t.Key, t.Value)));
        return Checkpoint.Load(path);
    }
}
