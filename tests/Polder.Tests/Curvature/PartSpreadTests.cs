using Polder.Curvature;
using Polder.Statistics;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>The error over the choice of examples, against matrices whose traces and forms are known.</summary>
public class PartSpreadTests
{
    [Fact]
    public void Of_diagonal_parts_both_errors_are_those_of_the_entries()
    {
        using var scope = NewDisposeScope();
        double[][] diagonals = [[1, 5, 0], [3, 1, 0], [2, 3, 4], [6, 3, -4]];
        ILinearOperator[] parts = [.. diagonals.Select(d => new DenseOperator(diag(tensor(d))))];
        // v^T D v of random signs is the trace itself: 6, 4, 9, 5 have mean 6 and variance 14/3.
        MeanEstimate trace = PartSpread.OfTrace(parts, probes: 3, seed: 7, TestContext.Current.CancellationToken);
        Assert.Equal((6.0, 4L), (trace.Value, trace.Count));
        Assert.Equal(Math.Sqrt(14.0 / 3 / 4), trace.StandardError, 1e-12);
        // Unit vectors read off an entry each; seven of them are more than one call takes.
        IReadOnlyList<MeanEstimate> forms = PartSpread.OfForms(parts, eye(3, dtype: ScalarType.Float64).repeat(3, 1).narrow(0, 0, 7),
            TestContext.Current.CancellationToken);
        Assert.Equal(7, forms.Count);
        for (int i = 0; i < 7; i++)
            Assert.Equal(MeanEstimate.Of([.. diagonals.Select(d => d[i % 3])]), forms[i]);
        Assert.Throws<ArgumentOutOfRangeException>(() => PartSpread.OfTrace([parts[0]]));
    }
}
