namespace Polder.Methods;

/// <summary>The base optimizer alone: the gradient at W.</summary>
public sealed record Plain : IGradientMethod
{
    internal const string MethodName = "base";

    internal static MethodEntry Entry { get; } = new(MethodName, "the base optimizer alone", _ => new Plain())
    {
        Passes = "1",
        PassesPerStep = 1,
        ExtraParameterBuffers = 0,
        Source = "",
    };

    /// <inheritdoc/>
    public string Name => MethodName;

    /// <inheritdoc/>
    public int GradientEvaluations => 1;

    /// <inheritdoc/>
    public void Validate()
    {
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Run(Probe.Centre());
    }
}
