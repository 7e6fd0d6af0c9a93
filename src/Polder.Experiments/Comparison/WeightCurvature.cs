using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Polder.Experiments.Comparison;

/// <summary>How flat trained weights lie: the Hessian of the mean cross entropy in the trained weights or in all, in evaluation mode.</summary>
/// <param name="Samples">The images that the loss is a mean over.</param>
/// <param name="Parameters">The rows of the Hessian.</param>
/// <param name="Loss">The mean cross entropy, in nats.</param>
/// <param name="Trace">The trace, in nats over squared weights; its error is that of the estimation on these images.</param>
/// <param name="TopEigenvalue">The largest eigenvalue, in the same unit, with the residual of its vector.</param>
/// <param name="Products">The Hessian-vector products of both.</param>
public sealed record WeightCurvature(int Samples, long Parameters, double Loss, TraceEstimate Trace, Eigenpair TopEigenvalue, long Products)
{
    /// <summary>The measured images of each class, in the order of the labels; they were drawn by the run's seed where there are more.</summary>
    public IReadOnlyList<int> ByClass { get; init; } = [];

    /// <summary>
    /// The sum over the layers of |W_l|^2 Tr_l, Tr_l the trace of the layer's block: scaling one layer up and the next one down, which leaves the network's
    /// function as it is, leaves it as it is, too. In nats; null where an earlier version measured.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ScaledTrace { get; init; }

    /// <summary>The average case of adaptive sharpness (<see cref="AdaptiveSharpness"/>), in nats; null where it was not asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MeanEstimate? Sharpness { get; init; }
}

/// <summary>How far a measurement of curvature is.</summary>
/// <param name="Figure">"top eigenvalue" or "trace".</param>
/// <param name="Products">The products of this figure so far.</param>
/// <param name="Value">The figure so far.</param>
/// <param name="Error">The residual of the eigenvalue, the standard error of the trace.</param>
public sealed record WeightCurvatureProgress(string Figure, long Products, double Value, double Error);

/// <summary>How exactly the curvature of trained weights is measured, on how many images.</summary>
public sealed record WeightCurvatureOptions
{
    /// <summary>The most images: of every class its share (<see cref="ImageSet.Sample"/>). At least 1, default 1000.</summary>
    public int Samples { get; init; } = 1000;

    /// <summary>The standard error of the trace, as a share of it, that ends its estimation. Default 0.02.</summary>
    public double RelativeError { get; init; } = 0.02;

    /// <summary>The residual of the eigenvalue, as a share of it, at which it has converged; its error is usually the square of that. Default 0.001.</summary>
    public double Tolerance { get; init; } = 1e-3;

    /// <summary>The most products for each of the two. Default 300: the spread over seeds is far larger than what more would tell.</summary>
    public int MaxProducts { get; init; } = 300;

    /// <summary>
    /// Where a comparison measures a second time: where the mean cross entropy of the training images, as they are, first falls to this (to 1 %, on the line
    /// between weights of a quarter of an epoch). Weights that fit alike can be compared; the curvature of a loss near zero is near zero whatever the method.
    /// Above 0; null, the default: it does not.
    /// </summary>
    public double? AtLoss { get; init; }

    /// <summary>Whether a comparison also measures the weights of the epoch that validation finds best, where it tests the last's. Default: no.</summary>
    public bool AtBestEpoch { get; init; }

    /// <summary>
    /// The radius of adaptive sharpness, relative to each weight (<see cref="SharpnessOptions.Radius"/>): its average case is measured over twenty draws.
    /// Above 0; null, the default: it is not.
    /// </summary>
    public double? Radius { get; init; }

    /// <summary>
    /// What is done to the measured images, once each, drawn by the run's seed (<see cref="ImageSet.Augmented"/>): the loss that a training with augmentation
    /// minimises is one of such images. Default nothing.
    /// </summary>
    public Augmentation Augmentation { get; init; }

    /// <summary>
    /// Whether the Hessian is that in all parameters of the network, those that the training kept frozen as well. Default: in those that it moves. Frozen
    /// layers are then part of every product, which takes as long as for a training of the whole network.
    /// </summary>
    public bool AllParameters { get; init; }

    /// <summary>Images a forward pass: cost and memory, not the result. Default 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Told after each pass over the images.</summary>
    public IProgress<WeightCurvatureProgress>? Progress { get; init; }

    /// <summary>Checks the options; those of the estimators are checked by them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number of samples is out of range.</exception>
    public void Validate()
    {
        Require.AtLeast(Samples, 1);
        Require.That(Enum.IsDefined(Augmentation), Augmentation, "none, flip, crop-flip or resized-crop");
        Require.Positive(AtLoss);
        Require.Positive(Radius);
    }

    /// <summary>What a run's settings say of it.</summary>
    internal JsonObject ToJson()
    {
        JsonObject json = ResultJson.Node(new { Samples, RelativeError, Tolerance, MaxProducts })!.AsObject();
        if (AtLoss is { } loss)
        {
            json["atLoss"] = loss;
            json["atLossWithin"] = MatchedWeights.Tolerance;
        }
        if (AtBestEpoch)
            json["atBestEpoch"] = true;
        if (Radius is { } radius)
            json["radius"] = radius;
        if (Augmentation != Augmentation.None)
            json[AugmentField.Member] = (string)AugmentField.ValueIn(new Recipe { Training = new TrainingOptions { Augmentation = Augmentation } })!;
        if (AllParameters)
            json["allParameters"] = true;
        return json;
    }

    /// <summary>The setting whose words <see cref="Augmentation"/> has in plans and files.</summary>
    internal static RecipeField AugmentField { get; } = RecipeFields.All.First(field => field.Member == "augment");

    /// <summary>
    /// Measures a classifier at its weights as they stand, in those that require a gradient (or in all, <see cref="AllParameters"/>) and in evaluation mode.
    /// </summary>
    /// <param name="classifier">The classifier; the caller keeps it.</param>
    /// <param name="images">The images.</param>
    /// <param name="seed">The seed of images, probes and start: two networks that are compared get the same.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="ArithmeticException">The loss or a product is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public WeightCurvature Measure(TrainedClassifier classifier, ImageSet images, long seed, CancellationToken cancellation = default) =>
        Measure(classifier, images, seed, null, cancellation);

    /// <summary>The same from what frozen layers make of images, which is computed once.</summary>
    /// <param name="classifier">The classifier; the caller keeps it.</param>
    /// <param name="images">The images.</param>
    /// <param name="seed">The seed of images, probes and start: two networks that are compared get the same.</param>
    /// <param name="features">What frozen layers make of images; null: they are computed at every product.</param>
    /// <param name="cancellation">Stops.</param>
    /// <inheritdoc cref="Measure(TrainedClassifier, ImageSet, long, CancellationToken)" path="/exception"/>
    public WeightCurvature Measure(
        TrainedClassifier classifier, ImageSet images, long seed, FeatureCache? features, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(images);
        Validate();
        ImageSet sample = images.Sample(Samples, seed);
        if (Augmentation != Augmentation.None)
            sample = sample.Augmented(Augmentation, seed, classifier.ImageSize);
        Parameter[] frozen = AllParameters ? [.. classifier.Network.parameters().Where(p => !p.requires_grad)] : [];
        Thaw(frozen, true);
        try
        {
            return MeasureOf(classifier, sample, seed, features, cancellation);
        }
        finally
        {
            Thaw(frozen, false);
        }
    }

    private static void Thaw(Parameter[] parameters, bool moves)
    {
        foreach (Parameter parameter in parameters)
            parameter.requires_grad_(moves);
    }

    private WeightCurvature MeasureOf(TrainedClassifier classifier, ImageSet sample, long seed, FeatureCache? features, CancellationToken cancellation) =>
        features is null ? MeasureOf(classifier.CrossEntropy(sample, BatchSize), sample, seed, cancellation)
            : features.WithCrossEntropy(classifier, sample, loss => MeasureOf(loss, sample, seed, cancellation), BatchSize);

    private WeightCurvature MeasureOf(EmpiricalLoss crossEntropy, ImageSet sample, long seed, CancellationToken cancellation)
    {
        var hessian = new Hessian(crossEntropy);
        double loss = hessian.Loss.Value(cancellation);
        using Eigenpairs pairs = hessian.TopEigenvalues(
            1,
            new EigenOptions
            {
                Tolerance = Tolerance,
                MaxProducts = MaxProducts,
                Seed = seed,
                Progress = new Relay<EigenProgress>(p =>
                    Progress?.Report(new WeightCurvatureProgress("top eigenvalue", p.Products, p.Pairs[0].Value, p.Pairs[0].Residual))),
            },
            cancellation);
        TraceEstimate trace = hessian.Trace(
            new TraceEstimationOptions
            {
                RelativeError = RelativeError,
                MaxProducts = MaxProducts,
                Seed = seed,
                Blocks = hessian.Loss.Layers,
                Progress = new Relay<TraceEstimate>(e => Progress?.Report(new WeightCurvatureProgress("trace", e.Products, e.Value, e.StandardError))),
            },
            cancellation);
        // Both return what they had at a stop; a comparison is of finished measurements.
        cancellation.ThrowIfCancellationRequested();
        return new WeightCurvature(sample.Count, hessian.Dimension, loss, trace with { Blocks = [] }, pairs.Top[0], pairs.Products + trace.Products)
        {
            ByClass = sample.ClassCounts(),
            ScaledTrace = ScaledTraceOf(hessian.Loss.Space, trace),
            Sharpness = Radius is { } radius
                ? AdaptiveSharpness.Average(
                    hessian.Loss.Space, hessian.Loss, new PhiloxNoise(seed), new SharpnessOptions { Radius = radius }, cancellation: cancellation) : null,
        };
    }

    private static double ScaledTraceOf(ParameterSpace space, TraceEstimate trace)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor weights = cat([.. space.Parameters.Select(p => p.detach().flatten())]).to(ScalarType.Float64);
        return trace.Blocks.Sum(layer => weights.narrow(0, layer.Block.Offset, layer.Block.Count).pow(Number(2)).sum().ToDouble() * layer.Trace.Value);
    }
}
