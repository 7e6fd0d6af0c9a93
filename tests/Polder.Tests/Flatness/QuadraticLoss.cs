using Polder.Objectives;
using Polder.Parameters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Flatness;

/// <summary>f(w) = w'Hw/2 + b'w over two float64 parameters, a 3 x 2 matrix and a vector of 4, with H and b from a seed.</summary>
internal sealed class QuadraticLoss : IDisposable
{
    public const int Dimension = 10;
    private readonly DisposeScope _scope = NewDisposeScope();

    public QuadraticLoss(ulong seed = 7)
    {
        using var generator = new Generator(seed);
        Tensor root = randn([Dimension, Dimension], ScalarType.Float64, generator: generator);
        Hessian = root.add(root.t()).div(2); // neither definite nor diagonal
        Linear = randn([Dimension], ScalarType.Float64, generator: generator);
        First = new Parameter(randn([3, 2], ScalarType.Float64, generator: generator));
        Second = new Parameter(randn([4], ScalarType.Float64, generator: generator));
        Space = ParameterSpace.Of([First, Second]);
        Space.MarkReceivedGradient();
        Objective = new ClosureObjective(Loss);
    }

    public Tensor Hessian { get; }

    public Tensor Linear { get; }

    public Parameter First { get; }

    public Parameter Second { get; }

    public ParameterSpace Space { get; }

    public ClosureObjective Objective { get; }

    public double Trace => Hessian.trace().ToDouble();

    public Tensor Weights() => cat([First.detach().view(-1), Second.detach()]);

    public Tensor Gradient() => Hessian.mv(Weights()).add(Linear);

    public Tensor Loss()
    {
        Tensor w = cat([First.view(-1), Second]);
        return Hessian.mv(w).dot(w).div(2).add(Linear.dot(w));
    }

    public double Value()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Loss().ToDouble();
    }

    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
        _scope.Dispose();
    }
}
