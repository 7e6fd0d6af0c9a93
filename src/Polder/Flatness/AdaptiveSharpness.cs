namespace Polder.Flatness;

/// <summary>The norm of the perturbation in <see cref="AdaptiveSharpness"/>.</summary>
public enum PerturbationNorm
{
    /// <summary>The Euclidean norm.</summary>
    Euclidean,

    /// <summary>The largest absolute element.</summary>
    Maximum,
}

/// <summary>How sharpness is measured.</summary>
public sealed record SharpnessOptions
{
    /// <summary>
    /// rho: the radius of the ball, or the noise's standard deviation; above 0. Relative to each weight where <see cref="Adaptive"/> is set. Default
    /// 0.05.
    /// </summary>
    public double Radius { get; init; } = 0.05;

    /// <summary>
    /// Whether each weight is perturbed in proportion to its own size, so that rescaling one layer up and the next down, which leaves the
    /// network's function as it is, leaves the sharpness as it is. Default: true.
    /// </summary>
    public bool Adaptive { get; init; } = true;

    /// <summary>The norm that limits the worst-case perturbation. Default: Euclidean.</summary>
    public PerturbationNorm Norm { get; init; } = PerturbationNorm.Euclidean;

    /// <summary>Gradient evaluations of the search for the worst case, 1 or more. Default 20.</summary>
    public int Steps { get; init; } = 20;

    /// <summary>Draws of the average case, 2 or more, each evaluated at +U and -U. Default 20.</summary>
    public int Draws { get; init; } = 20;

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.Positive(Radius);
        Require.AtLeast(Steps, 1);
        Require.AtLeast(Draws, 2);
        Require.Known(Norm);
    }
}

/// <summary>
/// Sharpness under perturbations delta = T e, T = diag(|W|) where it is adaptive and the identity where not: its worst case
/// max f(W + T e) - f(W) over |e| &lt;= rho, and its average case E f(W + rho T U) - f(W) over standard normal U
/// (J. Kwon et al., ICML 2021; M. Andriushchenko et al., "A modern look at the relationship between sharpness and generalization", ICML 2023).
/// </summary>
public static class AdaptiveSharpness
{
    /// <summary>
    /// The average case, with its standard error. On a quadratic with Hessian H it is (rho^2 / 2) sum_i H_ii W_i^2 (adaptive), or
    /// (rho^2 / 2) Tr H.
    /// </summary>
    /// <param name="space">The weights; they are put back.</param>
    /// <param name="loss">f: the same function at every call.</param>
    /// <param name="noise">The noise U, of unit variance.</param>
    /// <param name="options">Radius and draws; null is the defaults.</param>
    /// <param name="progress">Told after each draw.</param>
    /// <param name="cancellation">Stops between evaluations.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static MeanEstimate Average(
        ParameterSpace space, IForwardObjective loss, NoiseStream noise, SharpnessOptions? options = null, IProgress<MeanEstimate>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(noise);
        options ??= new SharpnessOptions();
        options.Validate();
        var rise = new RunningMean();
        using var weights = new SavedWeights(space);
        double centre = weights.Loss(loss, cancellation);
        using ParameterVector direction = space.CreateVector();
        for (int draw = 0; draw < options.Draws; draw++)
        {
            space.Materialize(noise, 0, draw, direction);
            if (options.Adaptive)
                Multiply(direction, weights.Values);
            double sum = 0;
            foreach (int sign in (int[])[1, -1])
            {
                weights.MoveTo((direction, sign * options.Radius));
                sum += weights.Loss(loss, cancellation);
            }
            rise.Add((sum / 2) - centre);
            progress?.Report(rise.Value);
        }
        return rise.Value;
    }

    /// <summary>
    /// The worst case that gradient ascent finds: a lower bound of the maximum. The first step goes along the gradient to the edge of the ball,
    /// where a linear loss has its maximum; each later one is projected onto the ball, and is halved where it finds nothing worse.
    /// </summary>
    /// <param name="space">The weights; they are put back.</param>
    /// <param name="objective">f and its gradient: the same function at every call.</param>
    /// <param name="options">Radius, norm and steps; null is the defaults.</param>
    /// <param name="progress">Told after each step of the largest rise so far.</param>
    /// <param name="cancellation">Stops between evaluations.</param>
    /// <exception cref="ArithmeticException">The ascent came to a point where an <see cref="EmpiricalLoss"/> is not finite.</exception>
    /// <returns>max f(W + T e) - f(W) as far as it was found; at least 0.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static double WorstCase(
        ParameterSpace space, IObjective objective, SharpnessOptions? options = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(objective);
        options ??= new SharpnessOptions();
        options.Validate();
        using var weights = new SavedWeights(space);
        using ParameterVector gradient = space.CreateVector(), move = space.CreateVector(), best = space.CreateVector(), bestGradient = space.CreateVector();
        double centre = objective.Accumulate(space, bestGradient, 1, cancellation);
        double worst = centre, step = 2 * options.Radius;
        for (int i = 0; i < options.Steps; i++)
        {
            // e moves along T g, the gradient with respect to e. W may stand for |W|: a sign of e's element changes neither norm.
            move.CopyFrom(bestGradient);
            if (options.Adaptive)
                Multiply(move, weights.Values);
            if (!Normalize(move, options.Norm))
                break; // no slope at all
            move.Scale(step);
            move.Add(best);
            Project(move, options);
            gradient.CopyFrom(move);
            if (options.Adaptive)
                Multiply(gradient, weights.Values);
            weights.MoveTo((gradient, 1));
            gradient.Zero();
            double there = objective.Accumulate(space, gradient, 1, cancellation);
            if (there > worst)
            {
                worst = there;
                best.CopyFrom(move);
                bestGradient.CopyFrom(gradient);
            }
            else
            {
                step /= 2;
            }
            progress?.Report(worst - centre);
        }
        return worst - centre;
    }

    private static void Multiply(ParameterVector vector, ParameterVector factors)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < vector.Blocks.Count; i++)
            vector.Blocks[i].mul_(factors.Blocks[i]);
    }

    // The steepest direction of unit size in the norm.
    private static bool Normalize(ParameterVector vector, PerturbationNorm norm)
    {
        double length = vector.Norm();
        if (length == 0 || !double.IsFinite(length))
            return false;
        if (norm == PerturbationNorm.Euclidean)
        {
            vector.Scale(1 / length);
            return true;
        }
        using var noGrad = no_grad();
        foreach (Tensor block in vector.Blocks)
            block.sign_();
        return true;
    }

    private static void Project(ParameterVector vector, SharpnessOptions options)
    {
        if (options.Norm == PerturbationNorm.Euclidean)
        {
            double length = vector.Norm();
            if (length > options.Radius)
                vector.Scale(options.Radius / length);
            return;
        }
        using var noGrad = no_grad();
        foreach (Tensor block in vector.Blocks)
            block.clamp_(Number(-options.Radius), Number(options.Radius));
    }
}
