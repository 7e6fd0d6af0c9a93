namespace Polder.Onnx.Evaluation;

/// <summary>Products of matrices.</summary>
internal static class Products
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        ["MatMul"] = Operator.Of(Matrices),
        ["Gemm"] = Operator.Of(General, "alpha", "beta", "transA", "transB", "broadcast"),
        ["Einsum"] = Operator.Of(Sums, "equation"),
    };

    private static Tensor Matrices(NodeCall call)
    {
        Tensor a = call.Input(0), b = call.Input(1);
        if (a.dim() == 0 || b.dim() == 0 || a.shape[^1] != b.shape[b.dim() > 1 ? ^2 : ^1])
            throw call.Error($"a product of [{string.Join(", ", a.shape)}] and [{string.Join(", ", b.shape)}]");
        long columns = b.dim() > 1 ? b.shape[^1] : 1;
        double rows = a.numel() / Math.Max(1, a.shape[^1]);
        if (b.dim() > 2)
            rows = Math.Max(rows, (a.dim() > 1 ? a.shape[^2] : 1) * (double)b.numel() / Math.Max(1, columns * b.shape[^2]));
        call.RequireRoom((long)rows, columns);
        call.RequireWork(rows * columns * a.shape[^1]);
        return a.matmul(b);
    }

    private static Tensor General(NodeCall call)
    {
        Tensor x = call.Input(0), weight = call.Input(1, 2);
        // Older files flatten on the way.
        x = x.dim() > 2 && call.Opset < 7 ? x.flatten(1) : call.Input(0, 2);
        if (call.Is("transA"))
            x = x.t();
        bool transposed = call.Is("transB");
        (long outputs, long inputs) = transposed ? (weight.shape[0], weight.shape[1]) : (weight.shape[1], weight.shape[0]);
        if (inputs != x.shape[1])
            throw call.Error($"weights [{string.Join(", ", weight.shape)}] for an input [{string.Join(", ", x.shape)}]");
        call.RequireRoom(x.shape[0], outputs);
        call.RequireWork((double)x.shape[0] * outputs * inputs);
        float alpha = call.Float("alpha", 1), beta = call.Float("beta", 1);
        Tensor? bias = call.Optional(2);
        if (bias is not null && (bias.dim() > 2 || bias.numel() > x.shape[0] * outputs))
            throw call.Error($"biases [{string.Join(", ", bias.shape)}] for an output [{x.shape[0]}, {outputs}]");
        // The library's linear layer, where it is one: the same kernel as the network's.
        if (alpha == 1 && beta == 1 && (bias is null || (bias.dim() == 1 && bias.shape[0] == outputs)))
            return nn.functional.linear(x, transposed ? weight : weight.t(), bias);
        Tensor product = x.matmul(transposed ? weight.t() : weight).mul(Number(alpha));
        return bias is null ? product : product.add(bias.mul(Number(beta)));
    }

    private static Tensor Sums(NodeCall call)
    {
        string equation = call.Node.Attributes.GetValueOrDefault("equation") as string ?? throw call.Error("has no equation");
        string[] terms = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        string[] inputs = terms[0].Split(',');
        if (equation.Contains('.', StringComparison.Ordinal) || inputs.Length != call.Inputs.Count
            || inputs.Where((term, i) => term.Length != call.Input(i).dim()).Any())
            throw call.Error($"the equation {equation} is not supported");
        Dictionary<char, long> sizes = [];
        for (int i = 0; i < inputs.Length; i++)
            for (int d = 0; d < inputs[i].Length; d++)
                sizes[inputs[i][d]] = Math.Max(sizes.GetValueOrDefault(inputs[i][d], 1), call.Input(i).shape[d]);
        if (terms.Length == 2)
            call.RequireRoom(terms[1].Select(letter => sizes.GetValueOrDefault(letter, 1)));
        call.RequireWork(sizes.Values.Aggregate(1d, (a, b) => a * b));
        return einsum(equation, [.. Enumerable.Range(0, inputs.Length).Select(i => call.Input(i))]);
    }
}
