namespace Polder.Cli.Measuring;

/// <summary><c>polder stability</c>: how much noise on the weights raises the loss, beside what the Hessian's trace says.</summary>
internal sealed class StabilityCommand : PolderCommand
{
    private static readonly NoiseGapOptions Defaults = new();
    private static readonly SharpnessOptions SharpnessDefaults = new();

    private readonly MeasurementOptions _measurement;

    private readonly CliOption<IReadOnlyList<double>> _sigmas = OptionOf.Numbers(
        "--sigmas", "standard deviations of the weight noise, in units of the weights", Defaults.Sigmas, ValueRange.Above(0));

    private readonly CliOption<int> _draws = OptionOf.Count(
        "--draws", "noise draws, each evaluated at +U and -U on all images", Defaults.Draws, ValueRange.AtLeast(2));

    private readonly CliFlag _sharpness = new("--sharpness", "measure adaptive sharpness too: average and worst case within --rho of each weight's size");

    private readonly CliOption<double> _rho = OptionOf.Number(
        "--rho", "radius of adaptive sharpness, relative to the weights", SharpnessDefaults.Radius, ValueRange.Above(0));

    private readonly CliOption<int> _steps = OptionOf.Count(
        "--steps", "gradient steps of the search for the worst case", SharpnessDefaults.Steps, ValueRange.AtLeast(1));

    private readonly TraceMeasurement _trace;
    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public StabilityCommand()
        : base("stability", "measure how much noise on the weights raises the loss, beside the Hessian's trace")
    {
        _measurement = new MeasurementOptions(this);
        Add(Heading.Measurement, _sigmas, _draws);
        _trace = new TraceMeasurement(this);
        Add(Heading.Measurement, _sharpness, _rho, _steps);
        Add(Heading.Output, _plot);
        UseTorch();
        UseRanks();
        Examples =
        [
            "polder stability --run runs/finetune-1",
            "polder stability --weights resnet20.th --arch resnet20 --data cifar-10-batches-bin --sigmas 0.001,0.01 --sharpness --plot gap.svg",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        _trace.IsAsked(context); // a wrong number is refused before the work, not after it
        using Measurement measured = _measurement.Open(context);
        var hessian = new Hessian(measured.CrossEntropy());
        var noise = new PhiloxNoise(context.Get(_measurement.Seed));
        NoiseGapResult gap = Measure(context, hessian.Loss, noise) ?? throw new StoppedException("no draw was finished, nothing is known");
        TraceEstimate? trace = _trace.Measure(context, hessian, context.Get(_measurement.Seed));
        MeasuredSharpness? sharpness = context.Get(_sharpness) && !context.Cancellation.IsCancellationRequested
            ? Sharpness(context, hessian.Loss, noise) : null;

        context.Finish(StabilityReport.Of(gap, measured.Images.Count, hessian.Dimension, trace, sharpness));
        Plot(context, gap, trace);
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException($"{gap.Draws} of {context.Get(_draws)} draws are finished and shown{(trace is null ? "; the trace is missing" : "")}");
    }

    private NoiseGapResult? Measure(CommandContext context, EmpiricalLoss loss, NoiseStream noise)
    {
        var options = new NoiseGapOptions { Sigmas = context.Get(_sigmas)!, Draws = context.Get(_draws) };
        NoiseGapResult? known = null;
        return context.Output.Track("stability", options.Draws, tracker =>
        {
            try
            {
                return NoiseGap.Measure(loss.Space, loss, noise, options, new Relay<NoiseGapResult>(result =>
                {
                    known = result;
                    tracker.Report(result.Draws,
                        () => $"draw {result.Draws} of {options.Draws}, gap {Words(result.Points[^1].Gap)} at sigma {result.Points[^1].Sigma:G3}");
                }), context.Cancellation);
            }
            catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
            {
                return known; // the finished draws are shown
            }
        });
    }

    private MeasuredSharpness? Sharpness(CommandContext context, EmpiricalLoss loss, NoiseStream noise)
    {
        var options = new SharpnessOptions { Radius = context.Get(_rho), Draws = context.Get(_draws), Steps = context.Get(_steps) };
        try
        {
            return context.Output.Track("adaptive sharpness", options.Draws + options.Steps, tracker =>
            {
                int done = 0;
                MeanEstimate average = AdaptiveSharpness.Average(
                    loss.Space, loss, noise, options,
                    new Relay<MeanEstimate>(mean => tracker.Report(++done, () => $"average {Words(mean)}")), context.Cancellation);
                double worst = AdaptiveSharpness.WorstCase(
                    loss.Space, loss, options,
                    new Relay<double>(rise => tracker.Report(++done, () => $"worst case {rise:G3}")), context.Cancellation);
                return new MeasuredSharpness(options.Radius, average.Value, average.StandardError, worst);
            });
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private void Plot(CommandContext context, NoiseGapResult gap, TraceEstimate? trace)
    {
        if (!context.Writes || context.Get(_plot) is not { } file)
            return;
        NoiseGapPoint[] points = [.. gap.Points.OrderBy(p => p.Sigma)];
        double[] sigmas = [.. points.Select(p => p.Sigma)];
        Curve[] curves =
        [
            new Curve("F(W) - f(W)", sigmas, [.. points.Select(p => p.Gap.Value)]),
            .. trace is null ? Array.Empty<Curve>() : [new Curve("sigma^2/2 Tr H", sigmas, [.. points.Select(p => p.SecondOrder(trace.Value))])],
        ];
        if (!curves.SelectMany(c => c.Y).Any(y => y > 0 && double.IsFinite(y)))
        {
            context.Output.Warn($"no gap is above 0, so a logarithmic plot has nothing to show: {file} is not written");
            return;
        }
        PlotWriter.Write(context.Output, file, new CurvePlot("Noise stability", "sigma", "rise of the loss")
        { LogX = true, Markers = true, LegendBeside = true }.Draw(curves, Path.GetExtension(file)));
    }

    private static string Words(MeanEstimate value) => $"{value.Value:G4} +- {value.StandardError:G2}";
}
