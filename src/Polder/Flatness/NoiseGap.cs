namespace Polder.Flatness;

/// <summary>How noise stability is measured.</summary>
public sealed record NoiseGapOptions
{
    /// <summary>The standard deviations of the noise: distinct, above 0. Default: 0.001, 0.002, 0.005, 0.01, 0.02, 0.05.</summary>
    public IReadOnlyList<double> Sigmas { get; init; } = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05];

    /// <summary>Independent draws U, 2 or more; every sigma sees the same ones. Default 20.</summary>
    public int Draws { get; init; } = 20;

    /// <summary>
    /// Whether each draw is evaluated at W + sigma U and W - sigma U: the gradient's share cancels, which leaves the variance that curvature
    /// makes. Default: true; false is half the work and needs many more draws.
    /// </summary>
    public bool Antithetic { get; init; } = true;

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentException">One is out of range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.Grid(Sigmas);
        Require.AtLeast(Draws, 2);
    }
}

/// <summary>The gap at one sigma.</summary>
/// <param name="Sigma">The standard deviation of the noise.</param>
/// <param name="Gap">F(W) - f(W), F(W) = E f(W + sigma U), with its standard error over the draws; infinite where a loss overflowed.</param>
public sealed record NoiseGapPoint(double Sigma, MeanEstimate Gap)
{
    /// <summary>What a Hessian of this trace makes of the gap to second order: (sigma^2 / 2) Tr H.</summary>
    /// <param name="trace">The trace of the Hessian at W.</param>
    public double SecondOrder(double trace) => Sigma * Sigma / 2 * trace;
}

/// <summary>What is known of the gap.</summary>
/// <param name="Loss">f(W).</param>
/// <param name="Points">One a sigma, in the order of the options.</param>
/// <param name="Draws">The number of draws done; at least 1.</param>
public sealed record NoiseGapResult(double Loss, IReadOnlyList<NoiseGapPoint> Points, int Draws);

/// <summary>
/// Noise stability: how much the loss rises when the weights are perturbed, F(W) - f(W) = (sigma^2 / 2) Tr H(W) + O(sigma^4) for noise of
/// variance sigma^2 on every weight.
/// </summary>
public static class NoiseGap
{
    /// <summary>Measures the gap over a grid of sigma; the weights are put back whatever happens.</summary>
    /// <param name="space">The weights that are perturbed.</param>
    /// <param name="loss">f, the same function at every call, so no dropout and no random augmentation: for example an <see cref="EmpiricalLoss"/>,
    /// of whose space the weights are.</param>
    /// <param name="noise">The noise U, of unit variance; draws 0, 1, ... of step 0.</param>
    /// <param name="options">Grid and number of draws; null is the defaults.</param>
    /// <param name="progress">Told after each draw with what is known so far.</param>
    /// <param name="cancellation">Stops between evaluations, and between the batches of one; the last report of <paramref name="progress"/> stays true.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="ArithmeticException">f(W) is not finite.</exception>
    public static NoiseGapResult Measure(
        ParameterSpace space, IForwardObjective loss, NoiseStream noise, NoiseGapOptions? options = null, IProgress<NoiseGapResult>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(noise);
        options ??= new NoiseGapOptions();
        options.Validate();
        using var weights = new SavedWeights(space);
        double centre = weights.Loss(loss, cancellation);
        if (!double.IsFinite(centre))
            throw new ArithmeticException($"the loss at the weights themselves is {centre}: there is no gap to measure");
        RunningMean[] gaps = [.. options.Sigmas.Select(_ => new RunningMean())];
        NoiseGapResult result = null!;
        for (int draw = 0; draw < options.Draws; draw++)
        {
            // All sigmas of a draw before the next draw: a measurement that is stopped knows every sigma equally well.
            for (int i = 0; i < gaps.Length; i++)
                gaps[i].Add(GapOf(draw, options.Sigmas[i]));
            result = new NoiseGapResult(centre, [.. gaps.Select((gap, i) => new NoiseGapPoint(options.Sigmas[i], gap.Value))], draw + 1);
            progress?.Report(result);
        }
        return result;

        double GapOf(int draw, double sigma)
        {
            weights.MoveTo(noise, draw, sigma);
            double there = weights.Loss(loss, cancellation);
            if (!options.Antithetic)
                return there - centre;
            weights.Mirror();
            return ((there + weights.Loss(loss, cancellation)) / 2) - centre;
        }
    }
}
