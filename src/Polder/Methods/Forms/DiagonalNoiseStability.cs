using System.Diagnostics.CodeAnalysis;

namespace Polder.Methods;

/// <summary>
/// Noise stability optimization whose noise is larger where the Hessian's diagonal is small: on weight i it is sigma c_i U_i, c_i proportional to
/// 1 / sqrt(d_i / mean(d) + damping) and of mean square 1, d a running mean of the diagonal that the pairs themselves show.
/// </summary>
/// <remarks>
/// A pair's U_i (g+ - g-)_i / (2 sigma c_i) has the expectation H_ii. With c_i^2 = 1 / H_ii, held while the gradient is taken, the penalty
/// (sigma^2 / 2) sum c_i^2 H_ii has the gradient of (sigma^2 / 2) sum log H_ii: what is lowered is the logarithm of each curvature, whatever the units
/// of its weight, and not their sum, which the few largest make.
/// </remarks>
[Experimental("POLDER001")]
public sealed record DiagonalNoiseStability : IGradientMethod
{
    /// <summary>
    /// The root mean square of the noise over the weights, at least 0: a number or a schedule. Where it is 0 the step is the base optimizer's.
    /// </summary>
    public Sigma Sigma { get; init; } = 0.01;

    /// <summary>The number of antithetic pairs k, at least 1; each costs two gradients.</summary>
    public int Pairs { get; init; } = 1;

    /// <summary>The memory of the running diagonal, at least 0 and below 1.</summary>
    public double Memory { get; init; } = 0.99;

    /// <summary>What is added to the diagonal, in units of its mean, above 0: the larger, the more alike is the noise.</summary>
    public double Damping { get; init; } = 1;

    internal static MethodEntry Entry { get; } = new(
        "nsodiag", "nso with noise by the inverse root of the Hessian's diagonal, which its pairs show",
        a => new DiagonalNoiseStability
        {
            Sigma = StandardOptions.SigmaOf(a),
            Pairs = a.Count("pairs"),
            Memory = a.Number("diagonal-memory"),
            Damping = a.Number("diagonal-damping"),
        },
        StandardOptions.Sigma(0.01),
        StandardOptions.Schedule,
        StandardOptions.Pairs(1),
        new MethodOption("diagonal-memory", ValueKind.Number(ValueRange.HalfOpen(0, 1)), "memory of the running diagonal", 0.99),
        new MethodOption("diagonal-damping", ValueKind.Number(ValueRange.Above(0)), "what is added to the diagonal, in units of its mean", 1.0),
        StandardOptions.Noise)
    {
        Passes = "2 x pairs (1 where sigma is 0)",
        PassesPerStep = 2,
        ExtraParameterBuffers = 7,
        Source = "own work",
        IsExperimental = true,
        TuningGrid = [0.005, 0.01, 0.02, 0.04, 0.08],
    };

    /// <inheritdoc/>
    public string Name => "nsodiag";

    /// <inheritdoc/>
    public int GradientEvaluations => Sigma.IsZero ? 1 : 2 * Pairs;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Sigma.At(step) == 0 ? 1 : 2 * Pairs;

    /// <inheritdoc/>
    public bool ActsAt(long step) => Sigma.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        Sigma.Validate();
        Require.AtLeast(Pairs, 1);
        Require.BelowOne(Memory);
        Require.Positive(Damping);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double sigma = Sigma.At(context.Step);
        if (sigma == 0)
        {
            context.Run(Probe.Centre());
            return;
        }
        MethodState state = context.State;
        ParameterVector diagonal = state.Vector("diagonal"), scale = state.Scratch("scale"), noise = state.Scratch("noise"), one = state.Scratch("one"),
            seen = state.Scratch("seen");
        Scale(diagonal, scale);
        context.Gradient.Zero();
        seen.CopyFrom(diagonal);
        seen.Scale(Memory);
        for (int pair = 0; pair < Pairs; pair++)
        {
            context.Materialize(pair, noise);
            Each(noise, scale, (u, c) => u.mul_(c));
            context.RunInto(one, Probe.Along(noise, sigma));
            context.Gradient.Add(one, 0.5 / Pairs);
            // The vector of displacements becomes that of g+ - g-, and then the estimate, one buffer at a time.
            Difference(context, noise, one, sigma);
            Each(one, scale, (estimate, c) => estimate.div_(c).div_(c));
            seen.Add(one, (1 - Memory) / (2 * sigma * Pairs));
        }
        context.WhenAccepted(() => diagonal.CopyFrom(seen));
    }

    // Leaves displacement x (g+ - g-) where g+ was, and adds g- to the gradient.
    private void Difference(MethodContext context, ParameterVector displacement, ParameterVector plus, double sigma)
    {
        ParameterVector minus = context.State.Scratch("minus");
        context.RunInto(minus, Probe.Along(displacement, -sigma));
        context.Gradient.Add(minus, 0.5 / Pairs);
        plus.Add(minus, -1);
        Each(plus, displacement, (difference, v) => difference.mul_(v));
    }

    private void Scale(ParameterVector diagonal, ParameterVector scale)
    {
        scale.CopyFrom(diagonal);
        double mean = 0, square = 0;
        long count = diagonal.Space.Dimension;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (Tensor block in scale.Blocks)
            mean += block.clamp_min_(Number(0)).sum(ScalarType.Float64).ToDouble() / count;
        foreach (Tensor block in scale.Blocks)
        {
            if (mean > 0)
                block.div_(Number(mean)).add_(Number(Damping)).rsqrt_();
            else
                block.fill_(Number(1));
            square += block.pow(Number(2)).sum(ScalarType.Float64).ToDouble() / count;
        }
        scale.Scale(1 / Math.Sqrt(square));
    }

    private static void Each(ParameterVector target, ParameterVector other, Action<Tensor, Tensor> change)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < target.Blocks.Count; i++)
            change(target.Blocks[i], other.Blocks[i]);
    }
}
