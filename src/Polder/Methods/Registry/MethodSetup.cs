namespace Polder.Methods.Registry;

/// <summary>What a method may need to know of a run before it starts.</summary>
public sealed record MethodSetup
{
    /// <summary>The steps of the run, at least 1, over which schedules of sigma are stretched.</summary>
    public long Steps { get; init; } = 1;

    /// <summary>The number of training examples, at least 1.</summary>
    public long Examples { get; init; } = 1;

    /// <summary>The model with its final data type and device; null where no method selects parameters by what they are.</summary>
    public nn.Module? Model { get; init; }

    /// <summary>The parameters of the model's head.</summary>
    public IReadOnlyList<Parameter> Head { get; init; } = [];

    /// <summary>The parameters of the model's normalization layers.</summary>
    /// <exception cref="ArgumentException">There is no model, or it has none.</exception>
    public ParameterSelection NormalizationLayers() => ParameterSelection.NormalizationLayers(
        Model ?? throw new ArgumentException("a selection of normalization layers needs the model", nameof(Model)));
}
