namespace Polder.Vision.Training;

/// <summary>Fits the head of a network before its training begins (<see cref="HeadSolver"/>).</summary>
internal static class HeadFitting
{
    /// <summary>The strengths of the penalty that are tried, the strongest first: each fit begins where the one before it ended.</summary>
    public static IReadOnlyList<double> Strengths { get; } = [1, 0.1, 0.01, 0.001, 0.0001, 0.00001, 0.000001];

    // A gradient that is small enough to tell which strength is the best.
    private const double Enough = 1e-5;

    /// <summary>Fits the head and puts it into the network.</summary>
    /// <param name="model">The network.</param>
    /// <param name="inputs">The images.</param>
    /// <param name="train">The training images, for their classes.</param>
    /// <param name="options">What the training does.</param>
    /// <param name="cancellation">Stops; the network's head is then as it was.</param>
    /// <returns>What was found, and its mean training loss without the penalty.</returns>
    public static (HeadFit Fit, double TrainLoss) Fit(
        ImageClassifier model, TrainingInputs inputs, ImageSet train, TrainingOptions options, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        (Tensor features, Tensor labels) = Owned(inputs.TrainingFeatures(cancellation));
        if (!features.isfinite().all().ToBoolean())
            throw new TrainingDivergedException(
                $"what the body makes of the training images is not finite: {SingleValues.Poison(model) ?? "its weights are damaged"}");
        using Tensor? classWeights = WeightsOf(options, train);
        using var regression = new LogisticRegression(features, labels, model.Classes, classWeights, options.LabelSmoothing);
        (double[] Point, HeadFit Fit) chosen = options.HeadL2 is { } given ? regression.Minimize(given, cancellation: cancellation) : Search();
        regression.CopyInto(model.Head, chosen.Point);
        return (chosen.Fit, regression.LossAt(chosen.Point));

        (Tensor, Tensor) Owned((Tensor Features, Tensor Labels) part)
        {
            scope.Attach(part.Features);
            scope.Attach(part.Labels);
            return part;
        }

        (double[], HeadFit) Search()
        {
            (Tensor others, Tensor answers) = Owned(inputs.ValidationFeatures(cancellation));
            (double[] Point, HeadFit Fit) best = regression.Minimize(Strengths[0], null, Enough, cancellation);
            (double lowest, int evaluations) = (regression.LossOn(others, answers, best.Point), best.Fit.Evaluations);
            foreach (double l2 in Strengths.Skip(1))
            {
                (double[] Point, HeadFit Fit) next = regression.Minimize(l2, best.Point, Enough, cancellation);
                evaluations += next.Fit.Evaluations;
                double loss = regression.LossOn(others, answers, next.Point);
                // The loss falls and rises again along them, and those that are too weak take the longest.
                if (loss >= lowest)
                    break;
                (best, lowest) = (next, loss);
            }
            best = regression.Minimize(best.Fit.L2, best.Point, cancellation: cancellation);
            return (best.Point, best.Fit with { Evaluations = evaluations + best.Fit.Evaluations });
        }
    }

    /// <summary>Fits the head with a given penalty and puts it into the network.</summary>
    /// <param name="model">The network.</param>
    /// <param name="images">What the body makes of the images, and their classes; the caller owns both.</param>
    /// <param name="train">The training images, for the weights of their classes.</param>
    /// <param name="options">What the training does.</param>
    /// <param name="l2">The strength of the penalty.</param>
    /// <param name="cancellation">Stops; the network's head is then as it was.</param>
    public static HeadFit FitWith(
        ImageClassifier model, (Tensor Features, Tensor Labels) images, ImageSet train, TrainingOptions options, double l2, CancellationToken cancellation)
    {
        using Tensor? classWeights = WeightsOf(options, train);
        using var regression = new LogisticRegression(images.Features, images.Labels, model.Classes, classWeights, options.LabelSmoothing);
        (double[] point, HeadFit fit) = regression.Minimize(l2, cancellation: cancellation);
        regression.CopyInto(model.Head, point);
        return fit;
    }

    // Balanced sampling shows each class as often: in a sum over all images that is a weight.
    private static Tensor? WeightsOf(TrainingOptions options, ImageSet train)
    {
        Tensor? weights = TrainingLoss.WeightsOf(options, train);
        if (options.Sampling != Sampling.Balanced)
            return weights;
        Tensor sampled = TrainingLoss.WeightsOf(options with { ClassWeights = ClassWeights.Balanced, ClassWeightPower = 1 }, train)!;
        using (weights)
            return weights is null ? sampled : sampled.mul_(weights);
    }
}
