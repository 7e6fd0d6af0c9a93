using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>A small network with BatchNorm and seeded batches to step on, the same at every construction.</summary>
internal sealed class Network
{
    private readonly ScalarType _type;

    public Network(ScalarType type = ScalarType.Float32, double dropout = 0)
    {
        _type = type;
        random.manual_seed(5);
        Module = nn.Sequential(
            ("first", nn.Linear(6, 16)), ("norm", Norm = nn.BatchNorm1d(16)), ("relu", nn.ReLU()), ("drop", nn.Dropout(dropout)), ("last", nn.Linear(16, 3)));
        Module.to(type);
    }

    public Sequential Module { get; }

    public BatchNorm1d Norm { get; }

    public Tensor Loss(int step)
    {
        using var generator = new Generator(1000ul + (ulong)step);
        Tensor x = randn([24, 6], ScalarType.Float64, generator: generator).to(_type);
        return nn.functional.cross_entropy(Module.forward(x), arange(24).remainder(3));
    }
}
