namespace Polder.Experiments.Theory;

/// <summary>NSO at the step size that the bound asks for.</summary>
/// <param name="Batches">Whether the pairs of a step see one mini-batch.</param>
/// <param name="Pairs">k.</param>
/// <param name="Steps">T.</param>
/// <param name="StepSize">eta.</param>
/// <param name="Variance">The v that is proved.</param>
/// <param name="Gradient">mean_t E |grad F|^2 over the runs.</param>
/// <param name="Bound">The upper bound of it.</param>
public sealed record RatePoint(PairBatches Batches, int Pairs, int Steps, double StepSize, double Variance, MeanEstimate Gradient, double Bound);

/// <summary>The two-way bowl at one step size, in units of sqrt(C D^2 v / T).</summary>
/// <param name="Steps">T.</param>
/// <param name="Relative">The step size, over the one that the bound asks for.</param>
/// <param name="Flat">Measured with kappa = 1 / (2 eta T).</param>
/// <param name="FlatExact">The same in closed form.</param>
/// <param name="Steep">Measured with kappa = C.</param>
/// <param name="SteepExact">The same in closed form.</param>
/// <param name="Bound">The upper bound at this step size.</param>
public sealed record StepSizePoint(int Steps, double Relative, MeanEstimate Flat, double FlatExact, MeanEstimate Steep, double SteepExact, double Bound);

/// <summary>A steep bowl with little noise, at the step size that the bound asks for.</summary>
/// <param name="Steps">T.</param>
/// <param name="StepSize">eta.</param>
/// <param name="Gradient">mean_t E |grad F|^2.</param>
/// <param name="Exact">The same in closed form.</param>
/// <param name="Bound">The upper bound.</param>
/// <param name="Noiseless">mean_t |grad F|^2 of gradient descent without any noise on the waved bowl, at eta = 1/C.</param>
public sealed record CrossoverPoint(int Steps, double StepSize, MeanEstimate Gradient, double Exact, double Bound, double Noiseless);

/// <summary>The variance of perturbed gradients at a point, over C^2 sigma^2.</summary>
/// <param name="Function">quadratic, smooth or kink.</param>
/// <param name="Sigma">The standard deviation of the noise.</param>
/// <param name="OnePoint">Of f'(w + sigma U).</param>
/// <param name="OnePointExact">The same in closed form.</param>
/// <param name="TwoPoint">Of the mean of f' at w + sigma U and w - sigma U.</param>
/// <param name="TwoPointExact">The same in closed form.</param>
public sealed record NoisePoint(string Function, double Sigma, MeanEstimate OnePoint, double OnePointExact, MeanEstimate TwoPoint, double TwoPointExact);

/// <summary>A measured exponent beside the one of the theory.</summary>
/// <param name="Part">The experiment: rates, crossover or noise.</param>
/// <param name="Quantity">What against what.</param>
/// <param name="Fit">What was measured.</param>
/// <param name="Theory">The exponent of the theory, for T, k or 1 / sigma large.</param>
/// <param name="Exact">What the same fit gives on the closed form at the same places; null where there is none.</param>
public sealed record MeasuredSlope(string Part, string Quantity, PowerLaw Fit, double Theory, double? Exact = null);

/// <summary>What a <see cref="ConvergenceStudy"/> found.</summary>
/// <param name="Rates">Against T and k.</param>
/// <param name="Scan">Against the step size.</param>
/// <param name="Crossover">With little noise.</param>
/// <param name="SmallVariance">v of the crossover.</param>
/// <param name="Noise">The variance of perturbed gradients.</param>
/// <param name="Slopes">The exponents.</param>
public sealed record ConvergenceResult(
    IReadOnlyList<RatePoint> Rates, IReadOnlyList<StepSizePoint> Scan, IReadOnlyList<CrossoverPoint> Crossover, double SmallVariance,
    IReadOnlyList<NoisePoint> Noise, IReadOnlyList<MeasuredSlope> Slopes)
{
    /// <summary>The T at which the two straight lines cross that go through the first point at slope -1 and the last at slope -1/2.</summary>
    public double MeasuredCrossover =>
        Math.Pow(Crossover[0].Gradient.Value * Crossover[0].Steps / (Crossover[^1].Gradient.Value * Math.Sqrt(Crossover[^1].Steps)), 2);
}
