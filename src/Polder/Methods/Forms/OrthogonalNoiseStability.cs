using System.Diagnostics.CodeAnalysis;

namespace Polder.Methods;

/// <summary>
/// Noise stability optimization with pairs that are orthogonal to each other in every parameter: draw j of a step loses its parts along the draws before it
/// and gets its own length back.
/// </summary>
/// <remarks>
/// Direction and length of a normal draw are independent, and orthogonal directions are each uniform, so every draw is as normal as before and the mean over
/// the pairs estimates the same gradient; what two pairs would see twice they now see once. In a parameter of n elements only n draws can be orthogonal; those
/// after them stay as they are. Independent draws overlap by 1 / sqrt(n) of their length, so that this can matter in small parameters alone.
/// </remarks>
[Experimental("POLDER001")]
public sealed record OrthogonalNoiseStability : IGradientMethod
{
    /// <summary>The standard deviation of the noise, at least 0: a number or a schedule. Where it is 0 the step is the base optimizer's.</summary>
    public Sigma Sigma { get; init; } = 0.01;

    /// <summary>The number of antithetic pairs k, at least 1; each costs two gradients.</summary>
    public int Pairs { get; init; } = 2;

    internal static MethodEntry Entry { get; } = new(
        "nsoorth", "nso with pairs that are orthogonal to each other",
        a => new OrthogonalNoiseStability { Sigma = StandardOptions.SigmaOf(a), Pairs = a.Count("pairs") },
        StandardOptions.Sigma(0.01),
        StandardOptions.Schedule,
        StandardOptions.Pairs(2),
        StandardOptions.Noise)
    {
        Passes = "2 x pairs (1 where sigma is 0)",
        PassesPerStep = 4,
        ExtraParameterBuffers = 3,
        Source = "own work",
        IsExperimental = true,
        TuningGrid = [0.005, 0.01, 0.02, 0.04, 0.08],
    };

    /// <inheritdoc/>
    public string Name => "nsoorth";

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
        ParameterVector[] draws = [.. Enumerable.Range(0, Pairs).Select(j => context.State.Scratch($"draw{j}"))];
        for (int j = 0; j < Pairs; j++)
            context.Materialize(j, draws[j]);
        Orthogonalize(draws);
        double weight = 0.5 / Pairs;
        context.Run([.. draws.SelectMany(v => (Probe[])[Probe.Along(v, sigma, weight), Probe.Along(v, -sigma, weight)])]);
    }

    private static void Orthogonalize(ParameterVector[] draws)
    {
        using var noGrad = no_grad();
        for (int block = 0; block < draws[0].Blocks.Count; block++)
        {
            long elements = draws[0].Blocks[block].numel();
            for (int j = 1; j < draws.Length && j < elements; j++)
            {
                using var scope = NewDisposeScope();
                Tensor own = draws[j].Blocks[block];
                double length = own.norm().ToDouble();
                // Twice, for rounding: once leaves a part of what it takes away.
                for (int pass = 0; pass < 2; pass++)
                    foreach (ParameterVector before in draws.Take(j))
                    {
                        Tensor other = before.Blocks[block];
                        double square = other.pow(Number(2)).sum().ToDouble();
                        if (square > 0)
                            own.sub_(other.mul(Number(own.mul(other).sum().ToDouble() / square)));
                    }
                double left = own.norm().ToDouble();
                if (left > 0)
                    own.mul_(Number(length / left));
            }
        }
    }
}
