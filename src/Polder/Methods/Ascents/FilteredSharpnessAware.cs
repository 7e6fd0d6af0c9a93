namespace Polder.Methods;

/// <summary>
/// ZSharp (Yun, 2025): SAM whose ascent takes the few elements of the gradient alone that stand out in their layer. With z the deviation of an element from
/// the mean of its parameter's gradient, in units of their standard deviation, the elements with |z| above the quantile Q of their parameter stay and
/// the others are zero.
/// </summary>
/// <remarks>
/// An order of |z| within a parameter is an order of the deviations from its mean, so the standard deviation itself is not needed. Where nothing
/// stands out the ascent is SAM's.
/// </remarks>
public sealed record FilteredSharpnessAware : IGradientMethod
{
    /// <summary>
    /// The radius of the ascent, at least 0: a number or a schedule. Where it is 0 the step is the base optimizer's, bit for bit, at one gradient.
    /// </summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>The quantile Q, at least 0 and below 1: at 0.95 a twentieth of each parameter's elements stays.</summary>
    public double Quantile { get; init; } = 0.95;

    internal static MethodEntry Entry { get; } = new(
        "zsharp", "ZSharp: SAM whose ascent keeps the elements of the gradient that stand out in their layer",
        a => new FilteredSharpnessAware { Rho = StandardOptions.RhoOf(a), Quantile = a.Number("quantile") },
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule,
        new MethodOption("quantile", ValueKind.Number(ValueRange.HalfOpen(0, 1)), "share of each layer's elements that the ascent leaves out", 0.95))
    {
        Passes = "2 (1 where rho is 0)",
        PassesPerStep = 2,
        ExtraParameterBuffers = 1,
        Source = "Yun, 2025 (arXiv 2505.02369)",
        TuningGrid = [0.1, 0.2, 0.5, 1, 2],
    };

    /// <inheritdoc/>
    public string Name => "zsharp";

    /// <inheritdoc/>
    public int GradientEvaluations => Rho.IsZero ? 1 : 2;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Rho.At(step) == 0 ? 1 : 2;

    /// <inheritdoc/>
    public bool ActsAt(long step) => Rho.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        Rho.Validate(nameof(Rho));
        Require.BelowOne(Quantile);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Run(Probe.Centre());
        double rho = Rho.At(context.Step);
        if (rho == 0)
            return;
        using (no_grad())
        {
            using var scope = NewDisposeScope();
            Tensor[] masks = [.. context.Gradient.Blocks.Select(StandsOut)];
            if (masks.Any(mask => mask.any().ToBoolean()))
                foreach ((Tensor block, Tensor mask) in context.Gradient.Blocks.Zip(masks))
                    block.mul_(mask);
        }
        context.Run(new Ascent(rho).Along(context, context.Gradient));
    }

    // The quantile lies at (n - 1) Q among the sorted deviations: what is larger is what is larger than the one at the whole number below. Two elements
    // deviate from their mean alike, up to rounding; such a tie is none larger.
    private Tensor StandsOut(Tensor gradient)
    {
        if (gradient.numel() == 0)
            return gradient.to(ScalarType.Bool);
        Tensor deviations = gradient.sub(gradient.mean()).abs_();
        long place = (long)((gradient.numel() - 1) * Quantile);
        double rounding = 8 * finfo(gradient.dtype).eps;
        return deviations.gt(deviations.flatten().kthvalue(place + 1, 0).values + (gradient.abs().max() * rounding));
    }
}
