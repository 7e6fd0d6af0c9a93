namespace Polder.Regularization;

/// <summary>A number a layer, checked once.</summary>
internal static class LayerNumbers
{
    public static double[] Of(StartWeights start, Func<string, double> number, string what)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(number, what);
        double[] numbers = new double[start.Layers.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = number(start.Layers[i].Name);
            Require.NotNegativeOrInfinite(numbers[i], $"{what} of {start.Layers[i].Name}");
        }
        return numbers;
    }
}
