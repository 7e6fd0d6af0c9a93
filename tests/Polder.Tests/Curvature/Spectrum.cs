using Polder.Curvature;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>Dense symmetric matrices with given eigenvalues and random eigenvectors.</summary>
internal static class Spectrum
{
    public static DenseOperator Operator(double[] eigenvalues, ulong seed = 1, ScalarType type = ScalarType.Float64) =>
        new(Matrix(eigenvalues, seed).to(type));

    public static Tensor Matrix(double[] eigenvalues, ulong seed = 1)
    {
        using var scope = NewDisposeScope();
        (Tensor q, _) = linalg.qr(randn([eigenvalues.Length, eigenvalues.Length], ScalarType.Float64, generator: new Generator(seed)));
        Tensor matrix = q.mul(tensor(eigenvalues)).mm(q.t());
        return matrix.add(matrix.t()).mul(0.5).MoveToOuterDisposeScope();
    }

    /// <summary>Indefinite, no eigenvalue stands out.</summary>
    public static double[] Flat(int dimension) => [.. Enumerable.Range(0, dimension).Select(i => 1.5 - (2.0 * i / dimension))];

    /// <summary>One eigenvalue holds 40 % of the trace, a dozen most of it: what trained classifiers have.</summary>
    public static double[] Outliers(int dimension)
    {
        double[] head = [40, 12, 9, 7, 5, 4, 3, 2.5, 2, 1.5, 1.2, 1];
        int tail = dimension - head.Length;
        return [.. head, .. Enumerable.Range(0, tail).Select(i => 11.8 / tail * (i % 2 == 0 ? 1.5 : 0.5))];
    }

    /// <summary>Its trace is zero.</summary>
    public static double[] Balanced(int dimension) =>
        [.. Enumerable.Range(0, dimension).Select(i => (i + 1.0) * (i % 2 == 0 ? 1 : -1) - (dimension % 2 == 0 ? -0.5 : 0))];
}
