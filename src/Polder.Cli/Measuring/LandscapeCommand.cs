using TorchSharp;

namespace Polder.Cli.Measuring;

/// <summary><c>polder landscape</c>: the loss along one direction or over the plane of two, through the weights.</summary>
internal sealed class LandscapeCommand : PolderCommand
{
    private static readonly SurfaceOptions Defaults = new();

    // Directions are looked at, not measured with: a per cent of the eigenvalue is near enough.
    private const double EigenvectorTolerance = 0.01;
    private const int MostProducts = 200;

    private readonly MeasurementOptions _measurement;
    private readonly CliOption<int> _dimensions = OptionOf.Count("--dimensions", "1 for a line, 2 for a plane", 2, ValueRange.Between(1, 2));

    private readonly CliOption<string> _directions = OptionOf.Choice(
        "--directions", "random, each filter as long as the weights' own; or the eigenvectors of the largest eigenvalues of the Hessian, of length 1", "random",
        "random", "eigenvectors");

    private readonly CliOption<double> _radius = OptionOf.Number("--radius", "how far the slice goes to both sides, in units of the direction", Defaults.Radius,
        ValueRange.Above(0));
    private readonly CliOption<int> _points = OptionOf.Count("--points", "points along each direction, each an evaluation of all images", Defaults.Points,
        ValueRange.Between(3, 1001));
    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public LandscapeCommand()
        : base("landscape", "cut the loss surface through the weights, along a line or over a plane")
    {
        _measurement = new MeasurementOptions(this);
        Add(Heading.Measurement, _dimensions, _directions, _radius, _points);
        Add(Heading.Output, _plot);
        UseTorch();
        Examples =
        [
            "polder landscape --run runs/finetune-1 --plot surface.png",
            "polder landscape --weights resnet20.th --arch resnet20 --data cifar-10-batches-bin --dimensions 1 --json -",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        using Measurement measured = _measurement.Open(context);
        var hessian = new Hessian(measured.CrossEntropy());
        var options = new SurfaceOptions { Radius = context.Get(_radius), Points = context.Get(_points) };
        double loss = hessian.Loss.Value(context.Cancellation);
        (ParameterVector[] directions, IReadOnlyList<Eigenpair>? eigenvalues) = Directions(context, hessian);
        try
        {
            if (context.Get(_dimensions) == 1)
                RunLine(context, measured, hessian.Loss, directions, eigenvalues, options, loss);
            else
                RunPlane(context, measured, hessian.Loss, directions, eigenvalues, options, loss);
            if (context.Cancellation.IsCancellationRequested)
                throw new StoppedException("the finished points around the weights are shown, the others are null");
        }
        finally
        {
            foreach (ParameterVector direction in directions)
                direction.Dispose();
        }
    }

    private (ParameterVector[] Directions, IReadOnlyList<Eigenpair>? Eigenvalues) Directions(CommandContext context, Hessian hessian)
    {
        int count = context.Get(_dimensions);
        long seed = context.Get(_measurement.Seed);
        if (context.Get(_directions) == "random")
        {
            var noise = new PhiloxNoise(seed);
            return ([.. Enumerable.Range(0, count).Select(i => SurfaceDirection.FilterNormalized(hessian.Loss.Space, noise, i))], null);
        }
        using Eigenpairs pairs = context.Output.Track("eigenvectors", MostProducts, tracker => hessian.TopEigenvalues(
            count,
            new EigenOptions
            {
                Tolerance = EigenvectorTolerance,
                MaxProducts = MostProducts,
                Seed = seed,
                Progress = new Relay<EigenProgress>(p => tracker.Report(p.Products,
                    () => $"product {p.Products}, {string.Join(", ", p.Pairs.Take(count).Select(e => $"{e.Value:G4} +- {e.Residual:G2}"))}")),
            },
            context.Cancellation));
        context.Cancellation.ThrowIfCancellationRequested();
        if (pairs.Exit == EigenExit.Budget)
            context.Output.Warn($"after {pairs.Products} products the eigenvectors have residuals "
                + $"{string.Join(" and ", pairs.Top.Select(e => $"{e.Residual:G2}"))}: the directions are near the top ones only");
        return ([.. Enumerable.Range(0, count).Select(i =>
        {
            using torch.Tensor vector = pairs.Vectors[i];
            return SurfaceDirection.Of(hessian.Loss.Space, vector);
        })], pairs.Top);
    }

    private void RunLine(
        CommandContext context, Measurement measured, EmpiricalLoss function, ParameterVector[] directions, IReadOnlyList<Eigenpair>? eigenvalues,
        SurfaceOptions options, double loss)
    {
        LossLine? known = null;
        LossLine line = Track(context, options.Points, tracker => LossSurface.Line(
            function, directions[0], options, new Relay<LossLine>(l => Report(tracker, (known = l).Losses)), context.Cancellation), () => known);
        context.Finish(LandscapeReport.Of(line, loss, measured.Images.Count, function.Space.Dimension, [.. directions.Select(d => d.Norm())], eigenvalues));
        if (context.Get(_plot) is { } file)
            PlotWriter.Write(context.Output, file, new CurvePlot(measured.Name, Axis(context, 1),
                "loss")
            { LogY = false }.Draw([new Curve("loss", line.Positions, line.Losses)], Path.GetExtension(file)));
    }

    private void RunPlane(
        CommandContext context, Measurement measured, EmpiricalLoss function, ParameterVector[] directions, IReadOnlyList<Eigenpair>? eigenvalues,
        SurfaceOptions options, double loss)
    {
        LossPlane? known = null;
        LossPlane plane = Track(context, options.Points * options.Points, tracker => LossSurface.Plane(
            function, directions[0], directions[1], options, new Relay<LossPlane>(p => Report(tracker, (known = p).Losses.SelectMany(row => row))),
            context.Cancellation), () => known);
        context.Finish(LandscapeReport.Of(plane, loss, measured.Images.Count, function.Space.Dimension, [.. directions.Select(d => d.Norm())], eigenvalues));
        if (context.Get(_plot) is { } file)
            PlotWriter.Write(context.Output, file,
                new ContourPlot(measured.Name, Axis(context, 1), Axis(context, 2), "loss").Draw(plane.Positions, plane.Losses, Path.GetExtension(file)));
    }

    private static void Report(IProgressTracker tracker, IEnumerable<double> losses)
    {
        int done = losses.Count(l => !double.IsNaN(l));
        tracker.Report(done, () => $"{done} points");
    }

    private static T Track<T>(CommandContext context, int points, Func<IProgressTracker, T> work, Func<T?> known)
        where T : class => context.Output.Track("landscape", points, tracker =>
    {
        try
        {
            return work(tracker);
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            return known() ?? throw new StoppedException("no row of the slice was finished, nothing is known");
        }
    });

    private string Axis(CommandContext context, int number) => context.Get(_directions) == "random" ? $"random direction {number}" : $"eigenvector {number}";
}
