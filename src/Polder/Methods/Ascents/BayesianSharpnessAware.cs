namespace Polder.Methods;

/// <summary>
/// Bayesian SAM (Moellenhoff and Khan, 2023): SAM as the optimal relaxation of the Bayes objective, with a posterior of mean W and
/// variance 1 / (c N s) on every weight. With g the gradient at a draw of the posterior and p the gradient at W + rho g / s:
/// m &lt;- beta1 m + (1 - beta1) (p + delta W), s &lt;- beta2 s + (1 - beta2) (sqrt(s) |g| + delta + gamma), and W moves along m / s.
/// </summary>
/// <remarks>
/// The method brings its own momentum, metric and decay, so the base optimizer is SGD without any. W moves by the new s, as in the paper's
/// algorithm; the authors' program uses the s of the step before.
/// </remarks>
public sealed record BayesianSharpnessAware : IPosteriorMethod
{
    /// <summary>The number N of training examples, at least 1; it has no default.</summary>
    public long Examples { get; init; }

    /// <summary>
    /// The factor c of N, above 0: with c N examples the posterior is 1 / sqrt(c) as wide. The authors' program takes c = 4 where images are augmented.
    /// </summary>
    public double DataFactor { get; init; } = 1;

    /// <summary>The size rho of the ascent, at least 0.</summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>The memory beta1 of the momentum, 0 to 1.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The memory beta2 of the precision, 0 to 1.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>The precision delta of the prior, at least 0: the method's weight decay.</summary>
    public double PriorPrecision { get; init; } = 1e-4;

    /// <summary>The damping gamma of the precision, at least 0.</summary>
    public double Damping { get; init; } = 0.1;

    internal static MethodEntry Entry { get; } = new(
        "bsam", "Bayesian SAM: SAM under a posterior over the weights, with its own momentum, metric and weight decay",
        a => new BayesianSharpnessAware
        {
            Examples = a.Setup.Examples,
            DataFactor = a.Number("data-factor"),
            Rho = StandardOptions.RhoOf(a),
            Beta1 = a.Number("beta1"),
            Beta2 = a.Number("beta2"),
            PriorPrecision = a.Number("prior-precision"),
            Damping = a.Number("damping"),
        },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule,
        new MethodOption("data-factor", ValueKind.Number(ValueRange.Above(0)), "factor of the number of training images: larger, the noise is smaller", 1.0),
        MethodOption.Share("beta1", "memory of the momentum", 0.9),
        MethodOption.Share("beta2", "memory of the precision", 0.999),
        MethodOption.NotNegative("prior-precision", "precision of the prior: the method's weight decay", 1e-4),
        MethodOption.NotNegative("damping", "damping of the precision", 0.1),
        StandardOptions.Noise)
    {
        Passes = "2",
        PassesPerStep = 2,
        ExtraParameterBuffers = 5,
        Source = "Moellenhoff and Khan, ICLR 2023",
        DemandsPlainSgd = true,
        TuningGrid = [0.01, 0.02, 0.05, 0.1, 0.2],
    };

    /// <inheritdoc/>
    public string Name => "bsam";

    /// <inheritdoc/>
    public int GradientEvaluations => 2;

    /// <inheritdoc/>
    public void Validate()
    {
        Require.That(Examples >= 1, Examples, "the number of training examples, at least 1");
        Require.Positive(DataFactor);
        Rho.Validate(nameof(Rho));
        Require.Share(Beta1);
        Require.Share(Beta2);
        Require.NotNegative(PriorPrecision);
        Require.NotNegative(Damping);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The base optimizer is not SGD, or has momentum or weight decay.</exception>
    public void ValidateBase(OptimizerHelper @base) => PlainSgd.Require(@base, Name);

    /// <inheritdoc/>
    public void PosteriorDeviations(MethodState state, ParameterVector deviations)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(deviations);
        deviations.CopyFrom(state.Vector("precision", initial: 1));
        using var noGrad = no_grad();
        foreach (Tensor block in deviations.Blocks)
            block.mul_(Number(Examples * DataFactor)).rsqrt_();
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector momentum = context.State.Vector("momentum"), precision = context.State.Vector("precision", initial: 1);
        ParameterVector first = context.State.Scratch("first"), work = context.State.Scratch("work");

        context.Materialize(0, work);
        Each(work, precision, (noise, s) => noise.div_(s.mul(Number(Examples * DataFactor)).sqrt()));
        context.RunInto(first, Probe.Along(work, 1));

        work.CopyFrom(first);
        Each(work, precision, (ascent, s) => ascent.div_(s));
        context.Run(Probe.Along(work, Rho.At(context.Step)));
        context.AddWeights(context.Gradient, PriorPrecision);

        // From here on work is the next momentum, first the next precision.
        work.CopyFrom(momentum);
        work.Scale(Beta1);
        work.Add(context.Gradient, 1 - Beta1);
        double offset = (1 - Beta2) * (PriorPrecision + Damping);
        Each(first, precision, (g, s) => g.abs_().mul_(s.sqrt()).mul_(Number(1 - Beta2)).add_(s.mul(Number(Beta2))).add_(Number(offset)));
        context.Gradient.CopyFrom(work);
        Each(context.Gradient, first, (m, s) => m.div_(s));
        context.WhenAccepted(() =>
        {
            momentum.CopyFrom(work);
            precision.CopyFrom(first);
        });
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The posterior is a point at W, and the precision is 1 as at the start: m &lt;- beta1 m + (1 - beta1) (grad f(W) + delta W), and W moves along m. That is
    /// SGD with momentum beta1 and weight decay delta, at the rate times 1 - beta1. The momentum goes on at the start, the precision begins there.
    /// </remarks>
    public void ComputeGradientBeforeStart(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector momentum = context.State.Vector("momentum");
        context.Run(Probe.Centre());
        context.AddWeights(context.Gradient, PriorPrecision);
        context.Gradient.Scale(1 - Beta1);
        context.Gradient.Add(momentum, Beta1);
        ParameterVector next = context.State.Scratch("work");
        next.CopyFrom(context.Gradient);
        context.WhenAccepted(() => momentum.CopyFrom(next));
    }

    private static void Each(ParameterVector target, ParameterVector other, Func<Tensor, Tensor, Tensor> change)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < target.Blocks.Count; i++)
        {
            using var scope = NewDisposeScope();
            change(target.Blocks[i], other.Blocks[i]);
        }
    }
}
