namespace Polder.Experiments.Theory;

/// <summary>How the penalty of NSO is measured along trainings.</summary>
public sealed record PenaltyOptions
{
    /// <summary>What follows the convolutions of the networks: one training each. Default: all.</summary>
    public IReadOnlyList<Activation> Activations { get; init; } = Enum.GetValues<Activation>();

    /// <summary>How the gradient is made. Default: the base optimizer alone.</summary>
    public IGradientMethod Method { get; init; } = new Plain();

    /// <summary>Steps of a training. Default 1000.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Measurements of a training: at the start, and at steps in a geometric sequence up to the last. Default 8, at least 2.</summary>
    public int Looks { get; init; } = 8;

    /// <summary>Images a step. Default 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>SGD's learning rate, with momentum 0.9. Default 0.03.</summary>
    public double LearningRate { get; init; } = 0.03;

    /// <summary>The standard deviations of the noise that is measured. Default 0.0003 to 0.03.</summary>
    public IReadOnlyList<double> Sigmas { get; init; } = [0.0003, 0.001, 0.003, 0.01, 0.03];

    /// <summary>Antithetic draws of a measurement. Default 20.</summary>
    public int Draws { get; init; } = 20;

    /// <summary>The most images that are measured: of every class its share. Default 500.</summary>
    public int Samples { get; init; } = 500;

    /// <summary>The most Hessian-vector products of a trace. Default 200.</summary>
    public int MaxProducts { get; init; } = 200;

    /// <summary>The seeds of weights, order, noise and measured images: a training of every network each. Default 0, 1 and 2.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0, 1, 2];

    /// <summary>The steps after which is measured, the first 0.</summary>
    public IReadOnlyList<int> LookSteps =>
        [0, .. Enumerable.Range(0, Looks - 1).Select(i => (int)Math.Round(Math.Pow(Steps, Looks == 2 ? 1 : i / (Looks - 2.0)))).Distinct().Where(s => s > 0)];

    /// <summary>Checks every field.</summary>
    /// <exception cref="ArgumentException">A field is outside its range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.That(Activations.Count > 0, "none", "one or more", nameof(Activations));
        Require.That(Seeds.Count > 0 && Seeds.Distinct().Count() == Seeds.Count, string.Join(", ", Seeds), "distinct numbers, one or more", nameof(Seeds));
        Method.Validate();
        Require.AtLeast(Steps, 1);
        Require.AtLeast(Looks, 2);
        Require.AtLeast(BatchSize, 2);
        Require.Positive(LearningRate);
        Require.Grid(Sigmas);
        Require.AtLeast(Draws, 2);
        Require.AtLeast(Samples, 1);
        Require.AtLeast(MaxProducts, 2 * TraceEstimationOptions.LeastSamples);
    }
}

/// <summary>The penalty at one step of a training.</summary>
/// <param name="Activation">The network's.</param>
/// <param name="Seed">The training's.</param>
/// <param name="Step">How many steps were taken.</param>
/// <param name="Loss">f, the mean cross entropy of the measured images in evaluation mode.</param>
/// <param name="Trace">Tr H of f.</param>
/// <param name="Gaps">F - f a sigma.</param>
public sealed record PenaltyLook(Activation Activation, long Seed, int Step, double Loss, TraceEstimate Trace, IReadOnlyList<NoiseGapPoint> Gaps)
{
    /// <summary>
    /// The share of F - f that (sigma^2 / 2) Tr H explains, with the standard error of the quotient to first order; NaN where F - f is not above two of its
    /// standard errors.
    /// </summary>
    /// <param name="gap">One of <see cref="Gaps"/>.</param>
    public MeanEstimate Share(NoiseGapPoint gap)
    {
        ArgumentNullException.ThrowIfNull(gap);
        if (!(gap.Gap.Value > 2 * gap.Gap.StandardError))
            return new MeanEstimate(double.NaN, double.NaN, gap.Gap.Count);
        double share = gap.SecondOrder(Trace.Value) / gap.Gap.Value;
        double ofTrace = gap.SecondOrder(Trace.StandardError) / gap.Gap.Value, ofGap = share * gap.Gap.StandardError / gap.Gap.Value;
        return new MeanEstimate(share, Math.Sqrt((ofTrace * ofTrace) + (ofGap * ofGap)), gap.Gap.Count);
    }
}

/// <summary>F - f against (sigma^2 / 2) Tr H along trainings of small networks that differ in their activation alone.</summary>
public static class PenaltyStudy
{
    /// <summary>Trains and measures.</summary>
    /// <param name="images">The training images, of 1 or 3 channels.</param>
    /// <param name="normalization">How they are normalized.</param>
    /// <param name="options">With what; null is the default.</param>
    /// <param name="progress">Told after every measurement.</param>
    /// <param name="cancellation">Checked before every step and between passes of a measurement.</param>
    public static IReadOnlyList<PenaltyLook> Run(
        ImageSet images, Normalization normalization, PenaltyOptions? options = null, IProgress<PenaltyLook>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        options ??= new PenaltyOptions();
        options.Validate();
        return
        [
            .. from activation in options.Activations
               from seed in options.Seeds
               from look in Train(images, images.Sample(options.Samples, seed), normalization, activation, seed, options, progress, cancellation)
               select look,
        ];
    }

    private static List<PenaltyLook> Train(
        ImageSet images, ImageSet sample, Normalization normalization, Activation activation, long seed, PenaltyOptions options,
        IProgress<PenaltyLook>? progress,
        CancellationToken cancellation)
    {
        var looks = new List<PenaltyLook>();
        // The seed makes the same weights for every activation: only what follows the convolutions differs.
        var network = new SmallConvNet(images.Classes.Count, images.Channels, activation);
        network.Initialize(seed);
        using var classifier = new TrainedClassifier(network, "digits-cnn", images.Width, normalization, images.Classes);
        using SGD sgd = torch.optim.SGD(network.parameters(), options.LearningRate, momentum: 0.9);
        using var optimizer = new FlatMinimaOptimizer(sgd, options.Method, network, seed: seed);
        var loader = new Loader(
            images, new LoaderOptions { BatchSize = Math.Min(options.BatchSize, images.Count), Seed = seed, Normalization = normalization });
        IReadOnlyList<int> steps = options.LookSteps;
        int step = 0;
        Look();
        for (int epoch = 0; step < options.Steps; epoch++)
        {
            foreach (Batch batch in loader.Epoch(epoch, cancellation))
            {
                using (NewDisposeScope())
                {
                    network.train();
                    optimizer.Step(() => nn.functional.cross_entropy(network.call(batch.Images), batch.Labels));
                }
                step++;
                if (steps.Contains(step))
                    Look();
                if (step == options.Steps)
                    break;
            }
        }
        return looks;

        void Look()
        {
            using var scope = NewDisposeScope();
            var hessian = new Hessian(classifier.CrossEntropy(sample));
            TraceEstimate trace = hessian.Trace(
                new TraceEstimationOptions { RelativeError = 0.02, MaxProducts = options.MaxProducts, Seed = seed }, cancellation);
            NoiseGapResult gap = NoiseGap.Measure(
                hessian.Loss.Space, hessian.Loss, new PhiloxNoise(~seed), new NoiseGapOptions { Sigmas = options.Sigmas, Draws = options.Draws },
                    null, cancellation);
            looks.Add(new PenaltyLook(activation, seed, step, gap.Loss, trace, gap.Points));
            progress?.Report(looks[^1]);
        }
    }
}
