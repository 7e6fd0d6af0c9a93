namespace Polder.Cli.Measuring;

/// <summary><c>polder bound</c>: what the training images alone say of the error on new ones.</summary>
internal sealed class BoundCommand : PolderCommand
{
    private static readonly BoundOptions Defaults = new();

    private readonly MeasurementOptions _measurement;

    private readonly CliOption<string?> _start = OptionOf.Text(
        "--start", "FILE", "the weights that the training started from, with its head", "a checkpoint file", null, "rebuilt from --run");

    private readonly CliOption<IReadOnlyList<double>> _sigmas = OptionOf.Numbers(
        "--sigmas", "standard deviations of the weight noise, chosen before the images were seen: each is given its share of --delta", Defaults.Sigmas,
        ValueRange.Above(0));

    private readonly CliOption<int> _draws = OptionOf.Count(
        "--draws", "draws of the noise at each sigma, each evaluated on all images", Defaults.Draws, ValueRange.AtLeast(2));

    private readonly CliOption<double> _delta = OptionOf.Number(
        "--delta", "probability that the bound fails over the choice of the images", Defaults.Delta, ValueRange.Inside(0, 1));

    private readonly CliOption<double> _drawDelta = OptionOf.Number(
        "--draw-delta", "probability that it fails over the draws of the noise", Defaults.DrawDelta, ValueRange.Inside(0, 1));

    private readonly CliOption<double> _beta = OptionOf.Number("--beta", "share of the measured loss in the linear bounds", Defaults.Beta,
        ValueRange.Inside(0, 1));

    private readonly CliOption<double> _smoothing = OptionOf.Number(
        "--smoothing", "q of the bounded loss -ln(q/K + (1-q) p), which is at most ln(K/q)", 0.01, ValueRange.Inside(0, 1));

    private readonly CliOption<string> _buffers = OptionOf.Choice(
        "--buffers", "BatchNorm's running statistics: those of the training, which depend on the images, or those of the start, as the bound needs them",
        "trained", "trained", "start");

    private readonly TraceMeasurement _trace;
    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public BoundCommand()
        : base("bound", "bound the error on new images by that on the training images (PAC-Bayes), term by term")
    {
        _measurement = new MeasurementOptions(this, samples: null, choosesSplit: false);
        Add(Heading.Network, _start, _buffers);
        Add(Heading.Measurement, _sigmas, _draws, _delta, _drawDelta, _beta, _smoothing);
        _trace = new TraceMeasurement(this);
        Add(Heading.Output, _plot);
        UseTorch();
        Examples = ["polder bound --run runs/finetune-1",
            "polder bound --weights tuned.safetensors --start resnet20.th --data photos --sigmas 0.01,0.03,0.1 --json -"];
    }

    protected internal override void Run(CommandContext context)
    {
        BoundOptions options = OptionsOf(context);
        _trace.IsAsked(context); // a wrong number is refused before the work, not after it
        using Measurement measured = _measurement.Open(context);
        ImageClassifier network = measured.Classifier.Network;
        using TrainedClassifier begin = OpenStart(context, measured);
        ImageClassifier start = begin.Network;
        // No noise where training did not move: those weights are the start's, and require no gradient.
        Premise buffers = Premise.Buffers(network, start);
        if (context.Get(_buffers) == "start")
            buffers = TakeBuffers(network, start, buffers);

        ParameterSpace space = ParameterSpace.Of(network.parameters());
        Dictionary<string, TorchSharp.Modules.Parameter> before = start.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        using ParameterVector origin = WeightDistance.StartOf(
            space, [.. network.named_parameters().Where(p => p.parameter.requires_grad).Select(p => before[p.name])]);
        var loss = new BoundedCrossEntropy(network.Classes, context.Get(_smoothing));
        var sample = new BoundSample(measured.Images.Count, network.Classes, loss.LargestLoss,
            () => measured.Classifier.BoundedLosses(measured.Images, loss, measured.BatchSize, context.Cancellation));
        int copies = ImageCopies.Count(measured.Images);
        Premise[] premises =
        [
            Premise.IndependentStart, buffers, Premise.NoDuplicates(copies, measured.Images.Count), Premise.Determinism(sample.Evaluate),
        ];

        BoundResult? result = Estimate(context, space, origin, sample, options);
        if (result is null || result.Best is null)
            throw new StoppedException("no sigma was finished, nothing is known");
        HessianForm? form = MeasureHessian(context, measured, loss, origin, result);
        context.Finish(BoundReport.Of(result, loss, form, premises));
        Plot(context, result);
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException($"{result.Points.Count} of {options.Sigmas.Count} sigmas are finished and shown");
    }

    private BoundOptions OptionsOf(CommandContext context)
    {
        var options = new BoundOptions
        {
            Sigmas = context.Get(_sigmas)!,
            Draws = context.Get(_draws),
            Delta = context.Get(_delta),
            DrawDelta = context.Get(_drawDelta),
            Beta = context.Get(_beta),
        };
        if (options.Delta + options.DrawDelta >= 1)
            throw UserErrorException.ForOption(_delta.Name, $"{options.Delta}", $"less than 1 together with --draw-delta, which is {options.DrawDelta}");
        return options;
    }

    private TrainedClassifier OpenStart(CommandContext context, Measurement measured)
    {
        if (context.Get(_start) is not { } file)
            return measured.RebuildStart(context);
        TrainedClassifier start = TrainedClassifier.Open(file, measured.Classifier.Architecture);
        if (start.Network.Classes == measured.Classifier.Network.Classes)
            return start;
        start.Dispose();
        throw UserErrorException.ForOption(
            _start.Name, $"{file}, which has a head for {start.Network.Classes} classes",
            $"the checkpoint with the head that the training began with, for {measured.Classifier.Network.Classes} classes (--run rebuilds it)");
    }

    private static Premise TakeBuffers(ImageClassifier network, ImageClassifier start, Premise found)
    {
        using var noGrad = TorchSharp.torch.no_grad();
        var before = start.named_buffers().ToDictionary(b => b.name, b => b.buffer);
        foreach ((string name, TorchSharp.torch.Tensor buffer) in network.named_buffers())
            buffer.copy_(before[name]);
        return new Premise(found.Name, true, found.Holds == true ? found.Detail
            : "the network is measured with the running statistics of the start, not with those of the training");
    }

    private BoundResult? Estimate(CommandContext context, ParameterSpace space, ParameterVector origin, BoundSample sample, BoundOptions options)
    {
        BoundResult? known = null;
        return context.Output.Track("bound", options.Sigmas.Count, tracker =>
        {
            try
            {
                return BoundEstimator.Estimate(space, origin, sample, options, context.Get(_measurement.Seed), new Relay<BoundProgress>(p =>
                {
                    known = p.Result;
                    tracker.Report(
                        p.Index + ((double)p.Error.Count / options.Draws),
                        () => $"sigma {p.Sigma:G3}: draw {p.Error.Count} of {options.Draws}, noisy error {p.Error.Value:P1} +- {p.Error.StandardError:P1}"
                            + $"{(p.Result.Best is { } best ? $", best bound {best.Measured!.ErrorBound:P1}" : "")}");
                }), context.Cancellation);
            }
            catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
            {
                return known; // the finished sigmas are shown
            }
        });
    }

    private HessianForm? MeasureHessian(CommandContext context, Measurement measured, BoundedCrossEntropy loss, ParameterVector origin, BoundResult result)
    {
        var hessian = Hessian.Of(measured.Classifier.Network, measured.Classifier.LoaderOf(measured.Images, measured.BatchSize),
            (logits, labels) => loss.Of(logits, labels));
        IReadOnlyList<ParameterBlock> layers = hessian.Loss.Layers;
        if (_trace.Measure(context, hessian, context.Get(_measurement.Seed), layers) is not { } trace || context.Cancellation.IsCancellationRequested)
            return null;
        using var scope = TorchSharp.torch.NewDisposeScope();
        try
        {
            return context.Output.Track("curvature along the way from the start", 1, _ => HessianForm.Of(
                result, trace, DistanceMeasure.Of(hessian, DistanceMeasure.Difference(origin.Space, origin), layers, cancellation: context.Cancellation)));
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private void Plot(CommandContext context, BoundResult result)
    {
        if (context.Get(_plot) is not { } file)
            return;
        SigmaBound[] points = [.. result.Points.OrderBy(p => p.Sigma)], measured = [.. points.Where(p => p.Measured is not null)];
        PlotWriter.Write(context.Output, file,
            new CurvePlot("Error on new images", "sigma", "error rate") { LogX = true, LogY = false, Markers = true, LegendBeside = true }.Draw(
        [
            new Curve("bound", [.. measured.Select(p => p.Sigma)], [.. measured.Select(p => p.Measured!.ErrorBound)]),
            new Curve("noisy training error", [.. measured.Select(p => p.Sigma)], [.. measured.Select(p => p.Measured!.Error.Value)]),
            new Curve("distance, n and delta alone", [.. points.Select(p => p.Sigma)], [.. points.Select(p => p.LeastErrorBound)]),
            new Curve("guess", [points[0].Sigma, points[^1].Sigma], [result.GuessError, result.GuessError]),
        ], Path.GetExtension(file)));
    }
}
