namespace Polder.Methods;

/// <summary>
/// Random SAM (Liu, Mai, Cheng, Chen, Hsieh and You, 2022): the ascent starts from a random point. With d = sigma U and g the gradient
/// at W + d, the update takes the gradient at W + rho (d + lambda g) / |d + lambda g|.
/// </summary>
public sealed record RandomSharpnessAware : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0.</summary>
    public double Rho { get; init; } = 0.05;

    /// <summary>The standard deviation of the noise, at least 0, relative to the filters' norms where <see cref="FilterNormalize"/> is on.</summary>
    public double Sigma { get; init; } = 0.01;

    /// <summary>The factor lambda of the gradient in the direction, at least 0.</summary>
    public double GradientWeight { get; init; } = 1;

    /// <summary>
    /// Whether the noise of a weight is multiplied by the norm of its filter (the slices along the first axis of parameters of two
    /// dimensions and more; the whole parameter otherwise).
    /// </summary>
    public bool FilterNormalize { get; init; } = true;

    internal static MethodEntry Entry { get; } = new(
        "rsam", "random SAM: the ascent starts from a random point",
        a => new RandomSharpnessAware
        {
            Rho = a.Number("rho"),
            Sigma = a.Number("sigma"),
            GradientWeight = a.Number("gradient-weight"),
            FilterNormalize = a.Word("noise-scale") == "filter",
        },
        StandardOptions.Rho(0.05),
        StandardOptions.Sigma(0.01),
        MethodOption.NotNegative("gradient-weight", "factor of the gradient in the ascent, against the noise's", 1),
        MethodOption.Word("noise-scale", "what sigma is relative to: nothing, or the norm of a weight's filter", "filter", "absolute", "filter"),
        StandardOptions.Noise)
    {
        Passes = "2",
        PassesPerStep = 2,
        ExtraParameterBuffers = 2,
        Source = "Liu, Mai, Cheng, Chen, Hsieh and You, NeurIPS 2022",
        TuningGrid = [0.05, 0.1, 0.2, 0.5, 1],
    };

    /// <inheritdoc/>
    public string Name => "rsam";

    /// <inheritdoc/>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public void Validate()
    {
        Require.NotNegative(Rho);
        Require.NotNegative(Sigma);
        Require.NotNegative(GradientWeight);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector direction = context.Gradient, noise = context.State.Scratch("noise");
        context.Materialize(0, noise);
        if (FilterNormalize)
            context.MultiplyByFilterNorms(noise, leastDimensions: 2, elementwise: false);
        noise.Scale(Sigma);
        context.Run(Probe.Along(noise, Sigma == 0 ? 0 : 1));
        direction.Scale(GradientWeight);
        direction.Add(noise);
        context.Run(new Ascent(Rho).Along(context, direction));
    }
}
