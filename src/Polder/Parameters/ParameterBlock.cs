namespace Polder.Parameters;

/// <summary>Some consecutive elements of the flat vector of parameters that belong together: a parameter tensor, or a layer.</summary>
/// <param name="Name">The name, as <c>named_parameters</c> gives it; of a layer without its last part.</param>
/// <param name="Offset">The index of the first element.</param>
/// <param name="Count">The number of elements.</param>
public sealed record ParameterBlock(string Name, long Offset, long Count)
{
    /// <summary>The layers of parameter tensors: consecutive ones of one module (weight and bias) are one.</summary>
    internal static ParameterBlock[] ByLayer(IReadOnlyList<ParameterBlock> tensors)
    {
        var layers = new List<ParameterBlock>();
        foreach (ParameterBlock tensor in tensors)
        {
            int dot = tensor.Name.LastIndexOf('.');
            string name = dot < 0 ? tensor.Name : tensor.Name[..dot];
            if (layers.Count > 0 && layers[^1].Name == name)
                layers[^1] = layers[^1] with { Count = layers[^1].Count + tensor.Count };
            else
                layers.Add(new ParameterBlock(name, tensor.Offset, tensor.Count));
        }
        return [.. layers];
    }
}
