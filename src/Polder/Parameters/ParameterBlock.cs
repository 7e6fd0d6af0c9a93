namespace Polder.Parameters;

/// <summary>Some consecutive elements of the flat vector of parameters that belong together: a parameter tensor, or a layer.</summary>
/// <param name="Name">The name, as <c>named_parameters</c> gives it; of a layer without its last part.</param>
/// <param name="Offset">The index of the first element.</param>
/// <param name="Count">The number of elements.</param>
public sealed record ParameterBlock(string Name, long Offset, long Count);
