namespace Polder.Objectives;

/// <summary>Whether two passes over the data see the same function.</summary>
internal static class DeterminismCheck
{
    private readonly record struct Print(double Inputs, double Targets, double Loss, long Count);

    /// <summary>Compares two passes.</summary>
    /// <exception cref="InvalidOperationException">They differ.</exception>
    public static void Require(Func<IEnumerable<BatchLoss>> pass, ScalarType type)
    {
        Print[] first = Take(pass()), second = Take(pass());
        double tolerance = type == ScalarType.Float64 ? 1e-10 : 1e-5;
        if (first.Length != second.Length)
            throw Differ($"the first pass has {first.Length} batches, the second {second.Length}", "the data must be the same each time it is enumerated");
        for (int i = 0; i < first.Length; i++)
        {
            (Print a, Print b) = (first[i], second[i]);
            if (a.Count != b.Count || a.Inputs != b.Inputs || a.Targets != b.Targets)
            {
                bool sameSum = Close(first.Sum(p => p.Inputs), second.Sum(p => p.Inputs), 1e-6)
                    && Close(first.Sum(p => p.Targets), second.Sum(p => p.Targets), 1e-6);
                throw Differ($"batch {i} has other examples in the second pass", sameSum
                    ? "the data is shuffled: measure on the same order each time"
                    : "the data is augmented, sampled or changing: measure on data that stays the same");
            }
            if (!Close(a.Loss, b.Loss, tolerance))
                throw Differ(
                    $"batch {i} has loss {a.Loss:G9}, then {b.Loss:G9} on the same examples",
                    "the model draws random numbers (dropout that ignores the evaluation mode?), or a pass changes it (running statistics?)");
        }
    }

    private static bool Close(double a, double b, double tolerance) => Math.Abs(a - b) <= tolerance * Math.Max(1e-12, Math.Max(Math.Abs(a), Math.Abs(b)));

    private static InvalidOperationException Differ(string what, string why) =>
        new($"two passes over the data differ, so there is no one function to measure: {what}; {why}");

    private static Print[] Take(IEnumerable<BatchLoss> batches)
    {
        var prints = new List<Print>();
        using var noGrad = no_grad();
        foreach (BatchLoss batch in batches)
        {
            using var scope = NewDisposeScope();
            prints.Add(new Print(Fingerprint(batch.Inputs), Fingerprint(batch.Targets), batch.Value(), batch.Count));
        }
        return [.. prints];
    }

    // A sum that depends on which element stands where within an example and on the examples, but not on their order in the batch:
    // so that the sum over batches tells a shuffled set from a changed one.
    private static double Fingerprint(Tensor? tensor)
    {
        if (tensor is null)
            return 0;
        Tensor rows = tensor.to(ScalarType.Float64).reshape(tensor.shape[0], -1);
        Tensor weights = arange(Number(1), Number(rows.shape[1] + 1), ScalarType.Float64, rows.device).sin();
        return rows.mv(weights).pow(Number(2)).sum().ToDouble();
    }
}
