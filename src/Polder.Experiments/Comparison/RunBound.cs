using System.Text.Json.Nodes;

namespace Polder.Experiments.Comparison;

/// <summary>What PAC-Bayes says of a run from its training images alone.</summary>
/// <param name="Distance">|W - W0| over all trained weights, W0 those that the training began with: pre-trained, and a random head.</param>
/// <param name="ErrorBound">
/// What the error rate of the noisy classifier on new images is at most (<see cref="BoundResult.Value"/>), at the best sigma of the grid.
/// </param>
/// <param name="Sigma">That sigma.</param>
/// <param name="NoisyError">The error rate of the noisy classifier on the training images there.</param>
/// <param name="GuessError">The error rate of a guess: a bound that is not below says nothing.</param>
/// <param name="Trace">The trace of the Hessian of the bounded cross entropy.</param>
/// <param name="MainTerm">Trace and distance term of the paper's bound of that loss at its best sigma (<see cref="HessianBound"/>).</param>
public sealed record RunBound(
    double Distance, double ErrorBound, double Sigma, double NoisyError, double GuessError, double Trace, double MainTerm);

/// <summary>How the bound of a run is measured.</summary>
public sealed record RunBoundOptions
{
    /// <summary>The sigmas, chosen before the images were seen. Default: those of <see cref="BoundOptions"/>.</summary>
    public IReadOnlyList<double> Sigmas { get; init; } = new BoundOptions().Sigmas;

    /// <summary>Draws of the noise at each sigma, 1 or more. Default 20.</summary>
    public int Draws { get; init; } = 20;

    /// <summary>Products for the trace of the bounded loss, 10 or more. Default 30.</summary>
    public int Products { get; init; } = 30;

    /// <summary>q of <see cref="BoundedCrossEntropy"/>. Default 0.01.</summary>
    public double Smoothing { get; init; } = 0.01;

    /// <summary>Images a forward pass: cost and memory, not the result. Default 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentException">One is out of range.</exception>
    public void Validate()
    {
        Of().Validate();
        Require.AtLeast(Products, TraceEstimationOptions.LeastSamples);
        Require.Inside(Smoothing);
    }

    /// <summary>What a run's settings say of it.</summary>
    internal JsonObject ToJson() => ResultJson.Node(new { Sigmas, Draws, Products, Smoothing })!.AsObject();

    /// <summary>Measures a classifier at its weights as they stand. The running statistics are those of the start meanwhile, as the bound asks for.</summary>
    /// <param name="classifier">The classifier; the caller keeps it.</param>
    /// <param name="start">What the training began with.</param>
    /// <param name="images">The training images.</param>
    /// <param name="seed">The seed of noise and probes.</param>
    /// <param name="features">What frozen layers make of images.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="ArithmeticException">A loss is not finite.</exception>
    internal RunBound Measure(
        TrainedClassifier classifier, TrainingStart start, ImageSet images, long seed, FeatureCache features, CancellationToken cancellation)
    {
        Validate();
        var loss = new BoundedCrossEntropy(classifier.Network.Classes, Smoothing);
        return start.WithItsStatistics((space, origin) =>
            features.WithLoss(classifier, images, (logits, labels) => logits.argmax(1).ne(labels).to(ScalarType.Float64).mean(), errors =>
                features.WithLoss(classifier, images, (logits, labels) => loss.Of(logits, labels), losses =>
                {
                    var sample = new BoundSample(
                        images.Count, classifier.Network.Classes, loss.LargestLoss,
                        () => new ClassifierLosses(errors.Value(cancellation), losses.Value(cancellation)));
                    BoundResult bound = BoundEstimator.Estimate(space, origin, sample, Of(), seed, cancellation: cancellation);
                    TraceEstimate trace = new Hessian(losses).Trace(new TraceEstimationOptions { MaxProducts = Products, Seed = seed }, cancellation);
                    cancellation.ThrowIfCancellationRequested();
                    return new RunBound(
                        bound.Distance, bound.Value, bound.Best!.Sigma, bound.Best.Measured!.Error.Value, bound.GuessError, trace.Value,
                        HessianBound.MainTerm(Math.Max(0, trace.Value), bound.Distance, images.Count, bound.Options.Beta, loss.LargestLoss));
                }, BatchSize), BatchSize));
    }

    private BoundOptions Of() => new() { Sigmas = Sigmas, Draws = Draws };
}
