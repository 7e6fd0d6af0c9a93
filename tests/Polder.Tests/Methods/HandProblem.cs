using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>A function of float64 parameters with a loss for TorchSharp and a gradient written by hand on one plain array.</summary>
public abstract class HandProblem : IDisposable
{
    protected HandProblem(int seed, params long[][] shapes)
    {
        Shapes = shapes;
        var random = new Random(seed);
        Parameters = [.. shapes.Select(shape => new Parameter(tensor(
            [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(_ => (random.NextDouble() * 2) - 1)], shape)))];
    }

    public long[][] Shapes { get; }

    public Parameter[] Parameters { get; }

    public double[] Weights => [.. Parameters.SelectMany(p => p.data<double>().ToArray())];

    public static HandProblem Make(string name) => name == "quadratic" ? new HandQuadratic() : new HandNetwork();

    public abstract Tensor Loss(int step);

    public abstract double[] Gradient(double[] w, int step);

    public void Dispose()
    {
        foreach (Parameter parameter in Parameters)
            parameter.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>1/2 w' A w - b(step)' w, on a bank of two convolution filters [2, 1, 2] and a bias [2].</summary>
public sealed class HandQuadratic : HandProblem
{
    private const int N = 6;
    private readonly double[,] _a = new double[N, N];

    public HandQuadratic()
        : base(1, [2, 1, 2], [2])
    {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                _a[i, j] = i == j ? 1 + (0.5 * i) : Math.Cos(i + j) * 0.2;
    }

    public override Tensor Loss(int step)
    {
        Tensor w = cat([.. Parameters.Select(p => p.flatten())]);
        return w.dot(tensor(_a).mv(w)) * 0.5 - tensor(B(step)).dot(w);
    }

    public override double[] Gradient(double[] w, int step)
    {
        double[] b = B(step);
        return [.. Enumerable.Range(0, N).Select(i => Enumerable.Range(0, N).Sum(j => _a[i, j] * w[j]) - b[i])];
    }

    private static double[] B(int step) => [.. Enumerable.Range(0, N).Select(i => Math.Sin((3 * step) + i))];
}

/// <summary>The mean square error of v' tanh(W x + b) on four examples that change with the step; W [3, 2], b [3], v [1, 3].</summary>
public sealed class HandNetwork : HandProblem
{
    private const int Examples = 4;

    public HandNetwork()
        : base(2, [3, 2], [3], [1, 3])
    {
    }

    public override Tensor Loss(int step)
    {
        var (x, y) = Data(step);
        Tensor hidden = tensor(x).mm(Parameters[0].t()).add(Parameters[1]).tanh();
        return hidden.mm(Parameters[2].t()).squeeze(1).sub(tensor(y)).pow(2).mean();
    }

    public override double[] Gradient(double[] w, int step)
    {
        var (x, y) = Data(step);
        double[] g = new double[12];
        for (int n = 0; n < Examples; n++)
        {
            double[] h = new double[3];
            double output = 0;
            for (int j = 0; j < 3; j++)
            {
                h[j] = Math.Tanh((w[2 * j] * x[n, 0]) + (w[(2 * j) + 1] * x[n, 1]) + w[6 + j]);
                output += w[9 + j] * h[j];
            }
            double d = 2 * (output - y[n]) / Examples;
            for (int j = 0; j < 3; j++)
            {
                double back = d * w[9 + j] * (1 - (h[j] * h[j]));
                g[2 * j] += back * x[n, 0];
                g[(2 * j) + 1] += back * x[n, 1];
                g[6 + j] += back;
                g[9 + j] += d * h[j];
            }
        }
        return g;
    }

    private static (double[,] X, double[] Y) Data(int step)
    {
        var x = new double[Examples, 2];
        for (int n = 0; n < Examples; n++)
            for (int i = 0; i < 2; i++)
                x[n, i] = Math.Sin((5 * step) + (2 * n) + i);
        return (x, [.. Enumerable.Range(0, Examples).Select(n => Math.Cos(step + (3 * n)))]);
    }
}
