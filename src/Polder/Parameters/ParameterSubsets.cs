namespace Polder.Parameters;

/// <summary>The parts of a model whose curvature is commonly reported.</summary>
public static class ParameterSubsets
{
    /// <summary>Weights only: parameters of two or more dimensions, so no biases and no scales and shifts of normalization layers.</summary>
    /// <exception cref="ArgumentException">The model has none.</exception>
    public static ParameterSelection Weights(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        HashSet<string> names = [.. model.named_parameters().Where(p => p.parameter.dim() >= 2).Select(p => p.name)];
        return ParameterSelection.ByName(model, names.Contains);
    }

    /// <summary>
    /// What the reference implementation of NSO measures: weights with "conv" or "pred_head" in their name, and the weight of the last linear
    /// layer; no biases, no BatchNorm, and not the convolutions of down-sampling shortcuts.
    /// </summary>
    /// <exception cref="ArgumentException">The model has none.</exception>
    public static ParameterSelection Reference(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        string? head = model.named_modules().LastOrDefault(m => m.module is Linear).name;
        return ParameterSelection.ByName(model, name =>
            name.EndsWith("weight", StringComparison.Ordinal)
            && (name.Contains("conv", StringComparison.Ordinal) || name.Contains("pred_head", StringComparison.Ordinal) || name == head + ".weight"));
    }
}
