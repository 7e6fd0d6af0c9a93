namespace Polder.Methods;

/// <summary>
/// IVON, improved variational online Newton (Shen, Daheim, Cong, Nickl, Marconi, Bazan, Yokota, Gurevych, Cremers, Khan and Moellenhoff, 2024): a normal
/// posterior over the weights with mean W and variances 1 / (N (h + delta)), h an estimate of the Hessian's diagonal. With g the gradient at a draw W + e,
/// by Price's theorem H = N (h + delta) e g estimates that diagonal:
/// m &lt;- beta1 m + (1 - beta1) g, h &lt;- beta2 h + (1 - beta2) H + (1 - beta2)^2 (h - H)^2 / (2 (h + delta)), and W moves along (m' + delta W) / (h +
/// delta), m' the
/// debiased m.
/// </summary>
/// <remarks>
/// The last term of h keeps it above -delta. The update is multiplied by h0 + delta, so that the first steps are those of SGD at the same rate, as in the
/// authors' program. Momentum, metric and decay are the method's own, so the base optimizer is SGD without any. One gradient a step with one draw.
/// </remarks>
public sealed record VariationalOnlineNewton : IPosteriorMethod
{
    /// <summary>The number N of training examples (the effective sample size), at least 1; it has no default.</summary>
    public long Examples { get; init; }

    /// <summary>The memory beta1 of the momentum, at least 0 and below 1.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The memory beta2 of the Hessian's diagonal, 0 to 1.</summary>
    public double Beta2 { get; init; } = 0.99999;

    /// <summary>The precision delta of the prior over N, above 0: the method's weight decay.</summary>
    public double PriorPrecision { get; init; } = 1e-4;

    /// <summary>The Hessian's diagonal h0 at the start, above 0: with N it says how wide the posterior is at first.</summary>
    public double HessianInit { get; init; } = 1;

    /// <summary>The draws of the posterior a step, at least 1; each costs one gradient.</summary>
    public int Draws { get; init; } = 1;

    /// <summary>The largest |(m' + delta W) / (h + delta)| of a weight, above 0; infinity is no limit.</summary>
    public double ClipRadius { get; init; } = double.PositiveInfinity;

    internal static MethodEntry Entry { get; } = new(
        "ivon", "improved variational online Newton: a posterior over the weights, its variances from the Hessian's diagonal",
        a => new VariationalOnlineNewton
        {
            Examples = a.Setup.Examples,
            HessianInit = a.Number("hessian-init"),
            Beta1 = a.Number("beta1"),
            Beta2 = a.Number("beta2"),
            PriorPrecision = a.Number("prior-precision"),
            Draws = a.Count("draws"),
        },
        new MethodOption("hessian-init", ValueKind.Number(ValueRange.Above(0)), "the Hessian's diagonal at the start", 1.0),
        MethodOption.Share("beta1", "memory of the momentum", 0.9),
        MethodOption.Share("beta2", "memory of the precision", 0.99999),
        MethodOption.NotNegative("prior-precision", "precision of the prior: the method's weight decay", 1e-4),
        MethodOption.Count("draws", "noise draws a step: one gradient each", 1))
    {
        Passes = "draws",
        PassesPerStep = 1,
        ExtraParameterBuffers = 5,
        Source = "Shen, Daheim, Cong, Nickl, Marconi, Bazan, Yokota, Gurevych, Cremers, Khan and Moellenhoff, ICML 2024 (arXiv 2402.17641)",
        DemandsPlainSgd = true,
        TuningGrid = [1, 10, 100, 1000, 10000],
    };

    /// <inheritdoc/>
    public string Name => "ivon";

    /// <inheritdoc/>
    public int GradientEvaluations => Draws;

    /// <inheritdoc/>
    public void Validate()
    {
        Require.That(Examples >= 1, Examples, "the number of training examples, at least 1");
        Require.BelowOne(Beta1);
        Require.Share(Beta2);
        Require.Positive(PriorPrecision);
        Require.Positive(HessianInit);
        Require.AtLeast(Draws, 1);
        Require.That(ClipRadius > 0, ClipRadius, "above 0");
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The base optimizer is not SGD, or has momentum or weight decay.</exception>
    public void ValidateBase(OptimizerHelper @base) => PlainSgd.Require(@base, Name);

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector momentum = context.State.Vector("momentum"), hessian = context.State.Vector("hessian", HessianInit);
        ParameterVector gradient = context.Gradient, nextHessian = context.State.Scratch("hessian");
        Draw(context, hessian, nextHessian);

        // What is left of the mean gradient becomes the update.
        ParameterVector nextMomentum = context.State.Scratch("momentum");
        double count = Average(context, momentum, nextMomentum), rescale = HessianInit + PriorPrecision;
        using (no_grad())
        {
            for (int i = 0; i < gradient.Blocks.Count; i++)
            {
                using var scope = NewDisposeScope();
                Tensor h = hessian.Blocks[i], seen = nextHessian.Blocks[i];
                Tensor own = h.add(Number(PriorPrecision)), estimate = seen.mul(own).mul_(Number(Examples)), next = h.sub(estimate).pow_(Number(2)).div_(own)
                    .mul_(Number(0.5 * (1 - Beta2) * (1 - Beta2))).add_(h.mul(Number(Beta2))).add_(estimate.mul(Number(1 - Beta2)));
                seen.copy_(next);
                gradient.Blocks[i].div_(next.add(Number(PriorPrecision))).clamp_(Number(-ClipRadius), Number(ClipRadius)).mul_(Number(rescale));
            }
        }
        context.WhenAccepted(() =>
        {
            momentum.CopyFrom(nextMomentum);
            hessian.CopyFrom(nextHessian);
            context.State.Scalars["steps"] = count;
        });
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The posterior is a point at W, and the Hessian's diagonal is h0 as at the start: m &lt;- beta1 m + (1 - beta1) grad f(W), and W moves along
    /// m' + delta W. That is SGD with momentum beta1 (a mean, debiased) and weight decay delta. The momentum goes on at the start, the diagonal begins there.
    /// </remarks>
    public void ComputeGradientBeforeStart(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        ParameterVector momentum = context.State.Vector("momentum"), next = context.State.Scratch("momentum");
        context.Run(Probe.Centre());
        double count = Average(context, momentum, next);
        if (double.IsFinite(ClipRadius))
        {
            double limit = ClipRadius * (HessianInit + PriorPrecision);
            using var noGrad = no_grad();
            foreach (Tensor block in context.Gradient.Blocks)
                block.clamp_(Number(-limit), Number(limit));
        }
        context.WhenAccepted(() =>
        {
            momentum.CopyFrom(next);
            context.State.Scalars["steps"] = count;
        });
    }

    /// <inheritdoc/>
    public void PosteriorDeviations(MethodState state, ParameterVector deviations)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(deviations);
        deviations.CopyFrom(state.Vector("hessian", HessianInit));
        using var noGrad = no_grad();
        foreach (Tensor block in deviations.Blocks)
            block.add_(Number(PriorPrecision)).mul_(Number(Examples)).rsqrt_();
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The sum of h: an average over the last 1 / (1 - beta2) steps and, before there were so many, over h0 too; NaN before the first step with a draw.
    /// </remarks>
    public double HessianTrace(MethodState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!state.VectorNames.Contains("hessian"))
            return double.NaN;
        double sum = 0;
        foreach (Tensor block in state.Vector("hessian", HessianInit).Blocks)
        {
            using Tensor own = block.sum(ScalarType.Float64);
            sum += own.ToDouble();
        }
        return sum;
    }

    // The next momentum, from the gradient, which becomes m' + delta W. Returns the momentum's steps, this one included.
    private double Average(MethodContext context, ParameterVector momentum, ParameterVector next)
    {
        double count = context.State.Scalars.TryGetValue("steps", out double steps) ? steps + 1 : 1;
        next.CopyFrom(momentum);
        next.Scale(Beta1);
        next.Add(context.Gradient, 1 - Beta1);
        context.Gradient.CopyFrom(next);
        context.Gradient.Scale(1 / (1 - Math.Pow(Beta1, count)));
        context.AddWeights(context.Gradient, PriorPrecision);
        return count;
    }

    // The mean gradient over the draws into the gradient, and the mean of e g into another vector, by the moments before the step.
    private void Draw(MethodContext context, ParameterVector hessian, ParameterVector products)
    {
        ParameterVector noise = Draws == 1 ? products : context.State.Scratch("noise"), one = Draws == 1 ? context.Gradient : context.State.Scratch("one");
        if (Draws > 1)
        {
            products.Zero();
            context.Gradient.Zero();
        }
        for (int draw = 0; draw < Draws; draw++)
        {
            context.Materialize(draw, noise);
            Each(noise, hessian, (e, h) => e.div_(h.add(Number(PriorPrecision)).mul_(Number(Examples)).sqrt_()));
            context.RunInto(one, Probe.Along(noise, 1));
            Each(noise, one, (e, g) => e.mul_(g));
            if (Draws == 1)
                return;
            products.Add(noise, 1.0 / Draws);
            context.Gradient.Add(one, 1.0 / Draws);
        }
    }

    private static void Each(ParameterVector target, ParameterVector other, Action<Tensor, Tensor> change)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < target.Blocks.Count; i++)
        {
            using var scope = NewDisposeScope();
            change(target.Blocks[i], other.Blocks[i]);
        }
    }
}
