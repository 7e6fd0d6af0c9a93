using System.Runtime.InteropServices;

namespace Polder.Curvature.Estimators;

/// <summary>The random vectors of an estimator, one a row, made by a seed: the n-th vector is the same whatever was asked for before.</summary>
internal sealed class ProbeSource(ILinearOperator like, long seed, NoiseDistribution distribution, long purpose)
{
    private readonly PhiloxNoise _noise = new(seed, distribution);
    private int _next;

    /// <summary>The next vectors: [count, d], a new tensor of the current dispose scope.</summary>
    public Tensor Next(int count)
    {
        long dimension = like.Dimension;
        using var scope = NewDisposeScope();
        Tensor rows = empty([count, dimension], like.DataType);
        if (like.DataType == ScalarType.Float64)
            Fill(MemoryMarshal.Cast<byte, double>(rows.bytes), dimension);
        else
            Fill(MemoryMarshal.Cast<byte, float>(rows.bytes), dimension);
        return rows.to(like.Device).MoveToOuterDisposeScope();
    }

    private void Fill(Span<double> elements, long dimension)
    {
        for (; elements.Length > 0; elements = elements[(int)dimension..])
            _noise.Fill(purpose, _next++, 0, elements[..(int)dimension]);
    }

    private void Fill(Span<float> elements, long dimension)
    {
        for (; elements.Length > 0; elements = elements[(int)dimension..])
            _noise.Fill(purpose, _next++, 0, elements[..(int)dimension]);
    }
}
