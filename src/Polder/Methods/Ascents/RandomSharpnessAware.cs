namespace Polder.Methods;

/// <summary>
/// Random SAM (Liu, Mai, Cheng, Chen, Hsieh and You, 2022): the ascent starts from a random point. With d = sigma U and g the gradient
/// at W + d, the update takes the gradient at W + rho (d + lambda g) / |d + lambda g|.
/// </summary>
public sealed record RandomSharpnessAware : IGradientMethod
{
    /// <summary>The radius of the ascent, at least 0.</summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>
    /// The standard deviation of the noise, at least 0, relative to the filters' norms where <see cref="FilterNormalize"/> is on: a number or a schedule.
    /// </summary>
    public Sigma Sigma { get; init; } = 0.01;

    /// <summary>The factor lambda of the gradient in the direction, at least 0.</summary>
    public double GradientWeight { get; init; } = 1;

    /// <summary>
    /// Whether the noise of a weight is multiplied by the norm of its filter (the slices along the first axis of parameters of two
    /// dimensions and more; the whole parameter otherwise).
    /// </summary>
    public bool FilterNormalize { get; init; } = true;

    internal static MethodEntry Entry { get; } = new(
        "rsam", "random SAM: the ascent starts from a random point",
        a => a.Word("settings") == "authors" ? AsAuthors(a) : new RandomSharpnessAware
        {
            Rho = StandardOptions.RhoOf(a),
            Sigma = StandardOptions.SigmaOf(a),
            GradientWeight = a.Number("gradient-weight"),
            FilterNormalize = a.Word("noise-scale") == "filter",
        },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule,
        StandardOptions.Sigma(0.01),
        StandardOptions.Schedule,
        MethodOption.NotNegative("gradient-weight", "factor of the gradient in the ascent, against the noise's", 1),
        MethodOption.Word("noise-scale", "what sigma is relative to: nothing, or the norm of a weight's filter", "filter", "absolute", "filter"),
        MethodOption.Word("settings", "own: as the other options say; authors: factor 2, noise from sigma to 5 sigma, ascent from rho to 0.6 rho", "own", "own",
            "authors"),
        StandardOptions.Noise)
    {
        Passes = "2",
        PassesPerStep = 2,
        ExtraParameterBuffers = 2,
        Source = "Liu, Mai, Cheng, Chen, Hsieh and You, NeurIPS 2022",
        TuningGrid = [0.05, 0.1, 0.2, 0.5, 1],
    };

    /// <summary>
    /// The method with the settings of its authors' program: factor 2 before the gradient, noise that rises from <paramref name="sigma"/> to five times that
    /// by half a cosine, and an ascent that falls from <paramref name="rho"/> to three fifths of it as the learning rate does, here by half a cosine. The
    /// defaults are those of their training of a vision transformer.
    /// </summary>
    /// <param name="steps">The steps of the run, at least 1.</param>
    /// <param name="rho">The radius of the ascent at the start.</param>
    /// <param name="sigma">The standard deviation of the noise at the start.</param>
    public static RandomSharpnessAware OfAuthors(long steps, double rho = 2.5, double sigma = 0.0005) => new()
    {
        Rho = Schedule.Cosine(0.6 * rho, steps, rho),
        Sigma = Sigma.Cosine(5 * sigma, steps, sigma),
        GradientWeight = 2,
    };

    /// <inheritdoc/>
    public string Name => "rsam";

    /// <inheritdoc/>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Sigma.Validate();
        Require.NotNegative(GradientWeight);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double sigma = Sigma.At(context.Step);
        ParameterVector direction = context.Gradient, noise = context.State.Scratch("noise");
        context.Materialize(0, noise);
        if (FilterNormalize)
            context.MultiplyByFilterNorms(noise, leastDimensions: 2, elementwise: false);
        noise.Scale(sigma);
        context.Run(Probe.Along(noise, sigma == 0 ? 0 : 1));
        direction.Scale(GradientWeight);
        direction.Add(noise);
        context.Run(new Ascent(Rho.At(context.Step)).Along(context, direction));
    }

    private static RandomSharpnessAware AsAuthors(MethodArguments a)
    {
        foreach ((string option, object own) in ((string, object)[])[("gradient-weight", 1.0), ("rho-schedule", "constant"), ("sigma-schedule", "constant")])
            if (!a.Value(option).Equals(own))
                throw new ArgumentException($"{option}: found {MethodOption.Text(a.Value(option))}, "
                    + $"allowed with settings authors: {MethodOption.Text(own)}, since these are theirs");
        return OfAuthors(a.Setup.Steps, a.Number("rho"), a.Number("sigma")) with { FilterNormalize = a.Word("noise-scale") == "filter" };
    }
}
