namespace Polder.Generalization;

/// <summary>What is known while a bound is estimated.</summary>
/// <param name="Sigma">The sigma at hand.</param>
/// <param name="Index">Its number, from 0.</param>
/// <param name="Error">The error rate of the noisy classifier so far.</param>
/// <param name="Result">The finished sigmas.</param>
public sealed record BoundProgress(double Sigma, int Index, MeanEstimate Error, BoundResult Result);

/// <summary>
/// Measures the terms of a PAC-Bayes bound of the classifier with weights W + sigma U: no Taylor expansion, no assumption on curvature. What
/// remains as a premise is that the examples are independent and that W0 and the options do not depend on them.
/// </summary>
public static class BoundEstimator
{
    /// <summary>Estimates the bound over the grid of sigmas; the weights are put back whatever happens.</summary>
    /// <param name="space">The weights that carry noise. Weights outside of it must not depend on the sample.</param>
    /// <param name="start">W0: a vector of the space.</param>
    /// <param name="sample">The sample and the evaluation on it.</param>
    /// <param name="options">Grid, draws, delta; null is the defaults.</param>
    /// <param name="seed">The seed of the noise.</param>
    /// <param name="progress">Told after each draw.</param>
    /// <param name="cancellation">Stops between draws; the last report of <paramref name="progress"/> stays true.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the start is of another space.</exception>
    /// <exception cref="ArithmeticException">A loss at W is not between 0 and its largest value.</exception>
    /// <remarks>
    /// The sigmas come largest first, since those are cheapest in distance. One at which even a classifier without error would have a larger
    /// bound than the best so far is not measured. The draws are the same at every sigma.
    /// </remarks>
    public static BoundResult Estimate(
        ParameterSpace space, ParameterVector start, BoundSample sample, BoundOptions? options = null, long seed = 0, IProgress<BoundProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(sample);
        options ??= new BoundOptions();
        options.Validate();
        Require.AtLeast(sample.Examples, 1);
        Require.Positive(sample.LargestLoss);
        Require.That(sample.Classes >= 2, sample.Classes, "2 or more");
        cancellation.ThrowIfCancellationRequested();
        double distance = WeightDistance.Between(space, start);
        ClassifierLosses clean = sample.Evaluate();
        if (!(clean.ErrorRate is >= 0 and <= 1 && clean.Loss >= 0 && clean.Loss <= sample.LargestLoss))
        {
            throw new ArithmeticException(
                $"the classifier has error rate {clean.ErrorRate} and loss {clean.Loss} on the sample; allowed are 0 to 1 and 0 to {sample.LargestLoss}");
        }
        var result = new BoundResult(sample, options, distance, clean, []);
        var noise = new PhiloxNoise(seed);
        using var weights = new SavedWeights(space);
        foreach ((int index, double sigma) in options.Sigmas.OrderDescending().Index())
        {
            double divergence = PacBayes.Divergence(distance, sigma), share = options.Delta / options.Sigmas.Count;
            var point = new SigmaBound(sigma, divergence, PacBayes.Maurer(0, divergence, sample.Examples, share));
            if (!(point.LeastErrorBound >= result.Value))
                point = point with { Measured = Measure(sigma, divergence, index) };
            result = result with { Points = [.. result.Points, point] };
        }
        return result;

        MeasuredBound Measure(double sigma, double divergence, int index)
        {
            RunningMean error = new(), loss = new();
            for (int draw = 0; draw < options.Draws; draw++)
            {
                cancellation.ThrowIfCancellationRequested();
                weights.MoveTo(noise, draw, sigma);
                (double rate, double value) = sample.Evaluate();
                // Noise that makes the network overflow has made it as wrong as it can be.
                error.Add(rate is >= 0 and <= 1 ? rate : 1);
                loss.Add(value >= 0 ? Math.Min(value, sample.LargestLoss) : sample.LargestLoss);
                progress?.Report(new BoundProgress(sigma, index, error.Value, result));
            }
            return BoundsOf(error.Value, loss.Value, divergence, sample, options);
        }
    }

    /// <summary>The bounds of measured means, one of J sigmas.</summary>
    internal static MeasuredBound BoundsOf(MeanEstimate error, MeanEstimate loss, double divergence, BoundSample sample, BoundOptions options)
    {
        double share = options.Delta / options.Sigmas.Count, drawShare = options.DrawDelta / options.Sigmas.Count, largest = sample.LargestLoss;
        double errorUpper = PacBayes.DrawsUpperBound(Math.Clamp(error.Value, 0, 1), error.Count, drawShare);
        double lossUpper = largest * PacBayes.DrawsUpperBound(Math.Clamp(loss.Value / largest, 0, 1), loss.Count, drawShare);
        return new MeasuredBound(
            error,
            errorUpper,
            PacBayes.Maurer(errorUpper, divergence, sample.Examples, share),
            loss,
            lossUpper,
            PacBayes.Catoni(lossUpper, divergence, sample.Examples, share, options.Beta, largest),
            PacBayes.McAllester(lossUpper, divergence, sample.Examples, share, options.Beta, largest));
    }
}
