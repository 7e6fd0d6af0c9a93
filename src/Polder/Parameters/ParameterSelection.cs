namespace Polder.Parameters;

/// <summary>Some of a model's parameters, by what they are: the normalization layers' only, the head's only, all but those.</summary>
/// <remarks>It holds the parameters themselves, so it is made after the model has its data type and device.</remarks>
public sealed class ParameterSelection
{
    private readonly HashSet<Parameter> _parameters;
    private readonly bool _inverted;

    private ParameterSelection(IEnumerable<Parameter> parameters, bool inverted = false)
    {
        _parameters = new HashSet<Parameter>(parameters, ReferenceEqualityComparer.Instance);
        _inverted = inverted;
    }

    /// <summary>The parameters of <paramref name="model"/> whose names, as <c>named_parameters</c> gives them, satisfy <paramref name="predicate"/>.</summary>
    /// <exception cref="ArgumentException">No name does.</exception>
    public static ParameterSelection ByName(nn.Module model, Func<string, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(predicate);
        return NotEmpty(
            model.named_parameters().Where(p => predicate(p.name)).Select(p => p.parameter), "no parameter's name satisfies the predicate", nameof(predicate));
    }

    /// <summary>The scales and shifts of the normalization layers of <paramref name="model"/>: BatchNorm, LayerNorm, GroupNorm, InstanceNorm.</summary>
    /// <exception cref="ArgumentException">The model has none.</exception>
    public static ParameterSelection NormalizationLayers(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return NotEmpty(
            model.modules().Prepend(model).Where(IsNormalization).SelectMany(m => m.parameters(recurse: false)),
            "the model has no normalization layer with parameters",
            nameof(model));
    }

    /// <summary>Just these parameters.</summary>
    public static ParameterSelection Of(params IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return new ParameterSelection(parameters);
    }

    /// <summary>Every parameter that this selection leaves out.</summary>
    public ParameterSelection Complement() => new(_parameters, !_inverted);

    /// <summary>Whether the selection holds a parameter.</summary>
    public bool Contains(Parameter parameter) => _parameters.Contains(parameter) != _inverted;

    private static ParameterSelection NotEmpty(IEnumerable<Parameter> parameters, string message, string name)
    {
        Parameter[] found = [.. parameters];
        return found.Length > 0 ? new ParameterSelection(found) : throw new ArgumentException(message, name);
    }

    private static bool IsNormalization(nn.Module module) =>
        module is BatchNorm1d or BatchNorm2d or BatchNorm3d or LayerNorm or GroupNorm or InstanceNorm1d or InstanceNorm2d or InstanceNorm3d;
}
