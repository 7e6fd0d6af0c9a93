using TorchSharp;

namespace Polder.Cli.Measuring;

/// <summary><c>polder hessian</c>: how flat trained weights lie: trace, eigenvalues, density, by layer, each with its error and cost.</summary>
internal sealed class HessianCommand : PolderCommand
{
    private readonly MeasurementOptions _measurement;

    private readonly CliOption<string> _trace = OptionOf.Choice(
        "--trace", "the estimator of the trace; auto takes large eigenvalues out first where that pays", "auto", "auto", "hutchinson", "hutch++",
        "xtrace", "none");

    private readonly CliOption<double> _relativeError = OptionOf.Number(
        "--relative-error", "standard error of the trace to end at, as a share of it", 0.02, ValueRange.Between(1e-9, 0.999));

    private readonly CliOption<int> _maxProducts = OptionOf.Count(
        "--max-products", "the most Hessian-vector products of the trace, and of the eigenvalues", 1000,
        ValueRange.AtLeast(2 * TraceEstimationOptions.LeastSamples));

    private readonly CliOption<int> _top = OptionOf.Count("--top", "how many of the largest eigenvalues", 5, ValueRange.AtLeast(0));
    private readonly CliOption<int> _bottom = OptionOf.Count("--bottom", "how many of the smallest (most negative) eigenvalues", 1, ValueRange.AtLeast(0));

    private readonly CliOption<double> _tolerance = OptionOf.Number(
        "--tolerance", "residual at which an eigenvalue has converged, as a share of the largest; the eigenvalue's error is usually its square", 1e-3,
        ValueRange.Between(1e-12, 0.5));

    private readonly CliFlag _density = new("--density", "the density of the eigenvalues, with its error band");
    private readonly CliOption<int> _densityProbes = OptionOf.Count("--density-probes", "random starts of the density", 4, ValueRange.AtLeast(2));
    private readonly CliOption<int> _densitySteps = OptionOf.Count("--density-steps", "products from each start", 20, ValueRange.AtLeast(2));

    private readonly CliFlag _layers = new("--layers", "the trace by layer");
    private readonly CliFlag _layerEigenvalues = new("--layer-eigenvalues", "the largest eigenvalue of each layer's own block too");

    private readonly CliOption<int> _layerSamples = OptionOf.Count(
        "--layer-samples", "images for --layer-eigenvalues: of every class its share, drawn by --seed", 128, ValueRange.AtLeast(1));

    private readonly CliOption<int> _imageParts = OptionOf.Count(
        "--image-parts", "parts of the images whose spread tells the error over the choice of images, 2 or more; 0 leaves that error out", 10,
        ValueRange.AtLeast(0));

    private readonly CliOption<string> _blocks = OptionOf.Choice(
        "--blocks", "which parameters: all, weights without biases and normalisation, or those that the reference implementation measures", "all", "all",
        "weights", "reference");

    private readonly CliOption<string> _precision = OptionOf.Choice("--precision", "type of the numbers", "f32", "f32", "f64");
    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public HessianCommand()
        : base("hessian", "measure how flat trained weights lie: trace, eigenvalues and density of the loss's Hessian, by layer")
    {
        _measurement = new MeasurementOptions(this);
        Add(
            Heading.Measurement, _trace, _relativeError, _maxProducts, _top, _bottom, _tolerance, _density, _densityProbes, _densitySteps, _layers,
            _layerEigenvalues, _layerSamples, _imageParts,
            _blocks, _precision);
        Add(Heading.Output, _plot);
        UseTorch();
        UseRanks();
        Examples =
        [
            "polder hessian --run runs/finetune-1 --layers",
            "polder hessian --weights resnet20.th --arch resnet20 --data cifar-10-batches-bin --top 5 --density --plot density.svg",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Get(_imageParts) == 1)
            throw UserErrorException.ForOption(_imageParts.Name, "1", "0, or a whole number >= 2");
        using Measurement measured = _measurement.Open(context);
        ImageClassifier network = measured.Classifier.Network;
        if (context.Get(_precision) == "f64")
            network.to(torch.float64);
        var hessian = new Hessian(measured.CrossEntropy(new EmpiricalLossOptions
        {
            Parameters = context.Get(_blocks) switch
            {
                "weights" => ParameterSubsets.Weights(network),
                "reference" => ParameterSubsets.Reference(network),
                _ => null,
            },
        }));
        if (context.Get(_top) + context.Get(_bottom) > hessian.Dimension)
            throw UserErrorException.ForOption(_top.Name, $"{context.Get(_top)} with {_bottom.Name} {context.Get(_bottom)}",
                $"together at most {hessian.Dimension}, the parameters");
        bool density = context.Get(_density) || context.Get(_plot) is not null;
        context.SetEffective("--density", density);
        context.SetEffective("--layers", context.Get(_layers) || context.Get(_layerEigenvalues));

        double loss = context.Output.Track("loss", 1, _ => hessian.Loss.Value(context.Cancellation));
        var found = new HessianReport(hessian.Loss.Layers, hessian.Dimension);
        Measure(context, measured, hessian, density, found);
        context.Finish(found.ToResult(measured.Name, measured.Images.Count, loss));
        Plot(context, found);
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException(found.IsEmpty ? "no estimate was begun" : "what was known by then is shown, with its error");
    }

    private void Measure(CommandContext context, Measurement measured, Hessian hessian, bool density, HessianReport found)
    {
        try
        {
            if (context.Get(_top) + context.Get(_bottom) > 0)
                found.Eigenvalues = Eigenvalues(context, measured, hessian);
            if (context.Get(_trace) != "none" && !context.Cancellation.IsCancellationRequested)
            {
                found.Trace = Trace(context, hessian);
                found.TraceOverImages = OverImages(context, measured, hessian.Loss, parts => PartSpread.OfTrace(
                    parts, seed: context.Get(_measurement.Seed), cancellation: context.Cancellation));
            }
            if (density && !context.Cancellation.IsCancellationRequested)
                found.Density = Density(context, hessian);
            if (context.Get(_layerEigenvalues) && !context.Cancellation.IsCancellationRequested)
                LayerEigenvalues(context, measured, hessian.Loss, found);
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            // What is finished is shown.
        }
    }

    // What the estimators do not know: other images would have had another Hessian.
    private T? OverImages<T>(CommandContext context, Measurement measured, EmpiricalLoss whole, Func<IReadOnlyList<Hessian>, T> spread)
    {
        int count = Math.Min(context.Get(_imageParts), measured.Images.Count);
        if (count < 2 || context.Cancellation.IsCancellationRequested)
            return default;
        EmpiricalLossOptions options = whole.Options with { CheckDeterminism = false };
        try
        {
            return context.Output.Track("error over the images", 1, _ => spread(
                [.. measured.Images.Parts(count, context.Get(_measurement.Seed))
                    .Select(part => new Hessian(measured.CrossEntropy(part, options)))]));
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            return default; // the figure itself is known
        }
    }

    private FoundEigenvalues Eigenvalues(CommandContext context, Measurement measured, Hessian hessian)
    {
        using Eigenpairs pairs = Search(context, hessian);
        return new FoundEigenvalues(pairs.Top, pairs.Bottom, pairs.Products, pairs.Exit)
        {
            OverImages = OverImages(context, measured, hessian.Loss, parts => PartSpread.OfForms(parts, pairs.Vectors, context.Cancellation)) ?? [],
        };
    }

    private Eigenpairs Search(CommandContext context, Hessian hessian) => context.Output.Track("eigenvalues", 1, tracker =>
    {
        double loosest = 1;
        var options = new EigenOptions
        {
            Top = context.Get(_top),
            Bottom = context.Get(_bottom),
            Tolerance = context.Get(_tolerance),
            MaxProducts = context.Get(_maxProducts),
            Seed = context.Get(_measurement.Seed),
            Progress = new Relay<EigenProgress>(p =>
            {
                double largest = p.Pairs.Max(pair => Math.Abs(pair.Value)), worst = p.Pairs.Max(pair => pair.Residual) / Math.Max(largest, double.Epsilon);
                loosest = Math.Max(loosest, worst);
                // Residuals fall by a steady factor a product, on the whole: the share of the logarithm is the share of the work.
                double done = Math.Log(loosest / Math.Max(worst, context.Get(_tolerance))) / Math.Log(loosest / context.Get(_tolerance));
                tracker.Report(Math.Clamp(done, 0, 1), () => $"{p.Products} products, {p.Pairs[0].Value:G5} +- {p.Pairs[0].Residual:G2}");
            }),
        };
        return hessian.FindEigenvalues(options, context.Cancellation);
    });

    private TraceEstimate Trace(CommandContext context, Hessian hessian) => context.Output.Track("trace", 1, tracker =>
    {
        bool layers = context.Get(_layers) || context.Get(_layerEigenvalues);
        var estimator = context.Get(_trace) switch
        {
            "hutchinson" => TraceEstimator.Hutchinson,
            "hutch++" => TraceEstimator.HutchPlusPlus,
            "xtrace" => TraceEstimator.XTrace,
            _ => TraceEstimator.Auto,
        };
        if (layers && estimator == TraceEstimator.XTrace)
            throw UserErrorException.ForOption(_trace.Name, "xtrace with --layers", "auto, hutchinson or hutch++");
        return hessian.Trace(
            new TraceEstimationOptions
            {
                Estimator = estimator,
                RelativeError = context.Get(_relativeError),
                MaxProducts = context.Get(_maxProducts),
                Seed = context.Get(_measurement.Seed),
                Blocks = layers ? hessian.Loss.Layers : null,
                Progress = new Relay<TraceEstimate>(e => tracker.Report(
                    Math.Clamp(Math.Pow(context.Get(_relativeError) * Math.Abs(e.Value) / e.StandardError, 2),
                        (double)e.Products / context.Get(_maxProducts), 1),
                    () => $"{e.Products} products, {e.Value:G5} +- {e.StandardError:G2}")),
            },
            context.Cancellation);
    });

    private SpectralDensity Density(CommandContext context, Hessian hessian)
    {
        int probes = context.Get(_densityProbes), steps = context.Get(_densitySteps);
        return context.Output.Track("density", (double)probes * steps, tracker => SpectralDensity.Of(
            hessian,
            new DensityOptions
            {
                Probes = probes,
                Steps = steps,
                Seed = context.Get(_measurement.Seed),
                Progress = new Relay<long>(done => tracker.Report(done, () => $"{done} of {probes * steps} products")),
            },
            context.Cancellation));
    }

    private void LayerEigenvalues(CommandContext context, Measurement measured, EmpiricalLoss whole, HessianReport found)
    {
        ImageSet images = measured.Images.Sample(context.Get(_layerSamples), context.Get(_measurement.Seed));
        found.LayerSample = MeasuredSample.Describe(images, measured.Images.Count, context.Get(_measurement.Seed));
        context.SetEffective(_layerSamples, images.Count);
        EmpiricalLoss loss = measured.CrossEntropy(images, whole.Options);
        context.Output.Track("eigenvalues by layer", loss.Layers.Count, tracker =>
        {
            foreach ((int i, ParameterBlock layer) in loss.Layers.Index())
            {
                var block = new Hessian(loss.Restrict(layer));
                using Eigenpairs pairs = block.TopEigenvalues(1, new EigenOptions
                { Tolerance = 0.01, MaxProducts = context.Get(_maxProducts), Seed = context.Get(_measurement.Seed) }, context.Cancellation);
                found.LayerEigenvalues[layer.Name] = new FoundEigenvalues(pairs.Top, pairs.Bottom, pairs.Products, pairs.Exit);
                tracker.Report(i + 1, () => $"{layer.Name}: {pairs.Top[0].Value:G4}");
            }
        });
    }

    private void Plot(CommandContext context, HessianReport found)
    {
        if (!context.Writes || context.Get(_plot) is not { } file || found.Density is not { } density)
            return;
        double[] x = [.. density.Points];
        // Far from every eigenvalue the density is that of a Gaussian's tail, down to 1e-300: nothing to look at.
        double floor = 1e-7 * density.Density.Max();
        PlotWriter.Write(context.Output, file, new CurvePlot("Eigenvalues of the Hessian", "eigenvalue", "density") { LegendBeside = true }.Draw(
            [
                new Curve("density", x, [.. density.Density.Select(d => Math.Max(d, floor))]),
                new Curve("+ standard error", x, [.. density.Density.Zip(density.StandardError, (d, e) => Math.Max(d + e, floor))]),
                new Curve("- standard error", x, [.. density.Density.Zip(density.StandardError, (d, e) => Math.Max(d - e, floor))]),
            ],
            Path.GetExtension(file)));
    }

}
