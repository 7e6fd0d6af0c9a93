using Polder.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>A small network with BatchNorm and seeded batches to step on, the same at every construction.</summary>
internal sealed class Network
{
    private const int Rows = 24;

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

    public Tensor Loss(int step) => Loss(Outputs(step, ..), ..);

    /// <summary>A step on the batch, with outputs and loss apart where the method takes them so.</summary>
    /// <param name="optimizer">Takes it.</param>
    /// <param name="step">The number of the batch.</param>
    /// <param name="evaluated">Called after the network, in every pass.</param>
    public StepResult Take(FlatMinimaOptimizer optimizer, int step, Action? evaluated = null)
    {
        return optimizer.Method.TakesOutputs
            ? optimizer.Step(Rows, range => Seen(Outputs(step, range)), Loss)
            : optimizer.Step(() => Seen(Loss(step)));

        Tensor Seen(Tensor value)
        {
            evaluated?.Invoke();
            return value;
        }
    }

    public Tensor Outputs(int step, Range range)
    {
        using var generator = new Generator(1000ul + (ulong)step);
        Tensor x = randn([Rows, 6], ScalarType.Float64, generator: generator).to(_type);
        return Module.forward(range.Equals(..) || range.Equals(0..Rows) ? x : x[range]);
    }

    public static Tensor Loss(Tensor outputs, Range range)
    {
        Tensor labels = arange(Rows).remainder(3);
        return nn.functional.cross_entropy(outputs, range.Equals(..) || range.Equals(0..Rows) ? labels : labels[range]);
    }
}
