using System.Diagnostics.CodeAnalysis;

namespace Polder.Methods;

/// <summary>
/// Noise stability optimization around SAM's ascended point: with g the gradient at W and e = rho g / |g|, the mean of the gradients at
/// W + e + sigma U_j and W + e - sigma U_j.
/// </summary>
/// <remarks>
/// SAM lowers the loss in the one direction of the gradient, which is of large curvature where the loss is steep; noise lowers the mean over all directions,
/// of which nearly all are flat. Around e the pairs still cancel the odd terms of the noise. At rho = 0 it is noise stability optimization, at sigma = 0 SAM.
/// </remarks>
[Experimental("POLDER001")]
public sealed record AscendedNoiseStability : IGradientMethod
{
    /// <summary>The standard deviation of the noise, at least 0: a number or a schedule.</summary>
    public Sigma Sigma { get; init; } = 0.01;

    /// <summary>The radius of the ascent, at least 0: a number or a schedule.</summary>
    public Schedule Rho { get; init; } = 0.05;

    /// <summary>The number of antithetic pairs k, at least 1; each costs two gradients.</summary>
    public int Pairs { get; init; } = 1;

    internal static MethodEntry Entry { get; } = new(
        "nsosam", "nso around SAM's ascended point",
        a => new AscendedNoiseStability { Sigma = StandardOptions.SigmaOf(a), Rho = StandardOptions.RhoOf(a), Pairs = a.Count("pairs") },
        StandardOptions.Sigma(0.01),
        StandardOptions.Schedule,
        StandardOptions.Rho(0.05),
        StandardOptions.RhoSchedule,
        StandardOptions.Pairs(1),
        StandardOptions.Noise)
    {
        Passes = "1 + 2 x pairs (2 x pairs where rho is 0, 2 where sigma is 0)",
        PassesPerStep = 3,
        ExtraParameterBuffers = 4,
        Source = "own work",
        IsExperimental = true,
        TuningGrid = [0.005, 0.01, 0.02, 0.04, 0.08],
    };

    /// <inheritdoc/>
    public string Name => "nsosam";

    /// <inheritdoc/>
    public int GradientEvaluations => Cost(Rho.IsZero, Sigma.IsZero);

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Cost(Rho.At(step) == 0, Sigma.At(step) == 0);

    /// <inheritdoc/>
    public bool ActsAt(long step) => Sigma.At(step) > 0 || Rho.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        Sigma.Validate();
        Rho.Validate(nameof(Rho));
        Require.AtLeast(Pairs, 1);
    }

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double sigma = Sigma.At(context.Step), rho = Rho.At(context.Step), length = 0;
        ParameterVector gradient = context.Gradient;
        if (rho > 0 || sigma == 0)
        {
            context.Run(Probe.Centre());
            length = gradient.Norm();
        }
        if (sigma == 0)
        {
            if (rho > 0)
                context.Run(new Ascent(rho).Along(context, gradient));
            return;
        }
        ParameterVector ascended = context.State.Scratch("ascended"), noise = context.State.Scratch("noise");
        ascended.Zero();
        if (length > 0)
            ascended.Add(gradient, rho / length);
        double weight = 0.5 / Pairs;
        ParameterVector sum = context.State.Scratch("sum");
        gradient.Zero();
        for (int pair = 0; pair < Pairs; pair++)
        {
            foreach (double sign in (double[])[1, -1])
            {
                context.Materialize(pair, noise);
                noise.Scale(sign * sigma);
                noise.Add(ascended);
                context.RunInto(sum, Probe.Along(noise, 1, weight));
                gradient.Add(sum);
            }
        }
    }

    private int Cost(bool noAscent, bool noNoise) => (noAscent ? 0 : 1) + (noNoise ? 1 : 2 * Pairs);
}
