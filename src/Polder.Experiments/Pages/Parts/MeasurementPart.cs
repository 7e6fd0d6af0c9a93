using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>What a measurement of a network found: hessian, stability, landscape or bound, from the JSON of the command.</summary>
internal static class MeasurementPart
{
    private sealed record TraceForm(double Value, double StandardError, double? ImageStandardError = null);

    private sealed record EigenForm(double Value, double Residual, bool Converged = true, double? ImageStandardError = null);

    private sealed record LayerForm(string Name, long Parameters, double? Trace = null, double? StandardError = null, double? TopEigenvalue = null);

    private sealed record DensityForm(double[] Points, double[] Density, double[] StandardError);

    private sealed record HessianForm(
        long Parameters, int Samples, double Loss, long Products, TraceForm? Trace = null, EigenForm?[]? Eigenvalues = null, LayerForm?[]? Layers = null,
        DensityForm? Density = null);

    private sealed record StabilityPoint(double Sigma, double Gap, double StandardError, double? HalfSigmaSquaredTrace = null);

    private sealed record StabilityForm(double Loss, int Samples, int Draws, StabilityPoint?[] Results);

    private sealed record LandscapeForm(double Loss, int Samples, double[] Positions, JsonArray Losses);

    private sealed record BoundPoint(double Sigma, double Divergence, double LeastErrorBound, double? NoisyError = null, double? ErrorBound = null);

    private sealed record PremiseForm(string Name, string Detail, bool? Holds = null);

    private sealed record BoundForm(
        double Value, bool Vacuous, double GuessError, double Confidence, double Sigma, double Distance, int Count, double TrainingError, BoundPoint?[] Grid,
        PremiseForm?[]? Premises = null);

    private const double Interval95 = 1.96;

    /// <summary>The page of a measurement's file.</summary>
    public static Page PageOf(JsonObject result, string path)
    {
        string command = ResultFile.Command(result)!, subject = ResultFile.Text(result, "settings", "run") ?? ResultFile.Text(result, "settings",
            "weights") ?? "";
        PageSection[] sections = [.. Of(result, path)];
        string lead = sections[0].Blocks.OfType<PageText>().First().Text;
        // The lead is not said twice.
        sections[0] = sections[0] with { Blocks = [.. sections[0].Blocks.Where(b => b is not PageText text || text.Text != lead)] };
        return new Page(command, subject.Length > 0 ? $"{sections[0].Title}: {subject}" : sections[0].Title, lead, [.. sections, RepeatPart.Of(result)])
        {
            Data = result,
            Footer = RepeatPart.Footer(ResultFile.Text(result, "polder") ?? "", path),
        };
    }

    /// <summary>The sections of a measurement; the first begins with a sentence that says what was found.</summary>
    /// <param name="result">The result.</param>
    /// <param name="path">Its file.</param>
    /// <exception cref="DataException">It is of another form.</exception>
    public static IEnumerable<PageSection> Of(JsonObject result, string path) => ResultFile.Command(result) switch
    {
        "hessian" => Hessian(ResultFile.Form<HessianForm>(result, path), path),
        "stability" => [Stability(ResultFile.Form<StabilityForm>(result, path), path)],
        "landscape" => [Landscape(ResultFile.Form<LandscapeForm>(result, path), path)],
        "bound" => [Bound(ResultFile.Form<BoundForm>(result, path), path)],
        var other => throw new DataException(path, $"is a result of polder {other}, of which there is no page"),
    };

    private static IEnumerable<PageSection> Hessian(HessianForm found, string path)
    {
        EigenForm[] eigenvalues = found.Eigenvalues is { Length: > 0 } all ? ResultFile.Whole(all, "eigenvalues", path) : [];
        EigenForm? top = eigenvalues.Length == 0 ? null : eigenvalues.MaxBy(e => e.Value);
        List<PageFigure> figures = [];
        if (found.Trace is { } trace)
            figures.Add(new("Trace", Words.Number(trace.Value, 3), $"± {Words.Number(trace.StandardError, 2)} of the estimator"
                + (trace.ImageStandardError is { } images ? $", ± {Words.Number(images, 2)} over images" : "")));
        if (top is not null)
            figures.Add(new("Largest eigenvalue", Words.Number(top.Value, 3), $"residual {Words.Number(top.Residual, 2)}"
                + (top.ImageStandardError is { } over ? $", ± {Words.Number(over, 2)} over images" : "")));
        figures.Add(new("Loss", Words.Number(found.Loss, 3), Words.Of(found.Samples, "image")));
        figures.Add(new("Parameters", Words.Count(found.Parameters), Words.Of(found.Products, "Hessian-vector product")));
        List<PageBlock> blocks =
        [
            $"The Hessian of the mean cross entropy of {Words.Of(found.Samples, "image")} in {Words.Count(found.Parameters)} parameters has "
                + string.Join(" and ", new[]
                {
                    found.Trace is { } t ? $"a trace of {Words.Number(t.Value, t.StandardError)} (standard error)" : null,
                    top is null ? null : $"a largest eigenvalue of {Words.Number(top.Value)}",
                }.OfType<string>().DefaultIfEmpty("no estimate that was asked for")) + ". Smaller is flatter.",
            new PageFigures(figures),
        ];
        List<PageBlock> charts = [];
        if (eigenvalues.Length > 0)
            charts.Add(new PageChart(
                "Eigenvalues, with their error over the choice of images", string.Join(", ",
                    eigenvalues.OrderByDescending(e => e.Value).Select(e => Words.Number(e.Value))) + ".",
                new PageAxis("rank") { IsWhole = true }, new PageAxis("eigenvalue"),
                new PageSeries("", Enumerable.Range(1, eigenvalues.Length).Select(i => (double)i),
                    eigenvalues.OrderByDescending(e => e.Value).Select(e => e.Value))
                {
                    Mark = PageMark.LargeDots,
                    Low = eigenvalues.OrderByDescending(e => e.Value).Select(e => e.Value - (e.ImageStandardError ?? e.Residual)),
                    High = eigenvalues.OrderByDescending(e => e.Value).Select(e => e.Value + (e.ImageStandardError ?? e.Residual)),
                    Notes = [.. eigenvalues.OrderByDescending(e => e.Value).Select(e => $"{Words.Number(e.Value)}, residual {Words.Number(e.Residual, 2)}"
                        + (e.Converged ? "" : "\nnot converged"))],
                }));
        if (found.Density is { } density && density.Points.Length == density.Density.Length && density.Points.Length > 0)
            charts.Add(Density(density));
        if (charts.Count > 0)
            blocks.Add(new PageColumns(charts));
        yield return new PageSection("How flat the minimum is", blocks) { ShortTitle = "Flatness" };
        if (found.Layers is { Length: > 0 } layers)
            yield return Layers(ResultFile.Whole(layers, "layers", path), found.Parameters);
    }

    private static PageChart Density(DensityForm density)
    {
        double least = density.Density.Where(d => d > 0).DefaultIfEmpty(1).Max() * 1e-6;
        return new PageChart(
            "Density of the eigenvalues", Invariant($"From {density.Points[0]:G3} to {density.Points[^1]:G3}; most of it lies at 0."),
                new PageAxis("eigenvalue"),
            new PageAxis("density, with a band of 95 %") { IsLogarithmic = true, Least = least },
            new PageSeries("", density.Points, density.Density.Select(d => Math.Max(d, least)))
            {
                Low = density.Density.Zip(density.StandardError, (d, e) => Math.Max(least, d - (Interval95 * e))),
                High = density.Density.Zip(density.StandardError, (d, e) => Math.Max(least, d + (Interval95 * e))),
                IsBand = true,
                Color = 2,
            });
    }

    private static PageSection Layers(LayerForm[] layers, long parameters)
    {
        LayerForm[] traced = [.. layers.Where(l => l.Trace is not null)];
        List<PageBlock> blocks = [];
        if (traced.Length > 0)
            blocks.Add(new PageChart(
                "Trace by layer", $"The largest is that of {traced.MaxBy(l => l.Trace)!.Name}, {Words.Number(traced.Max(l => l.Trace!.Value))}.",
                new PageAxis("trace of the layer's block"), PageAxis.OfNames("", traced.Select(l => l.Name)),
                new PageSeries("", traced.Select(l => l.Trace!.Value), Enumerable.Range(0, traced.Length).Select(i => (double)i))
                {
                    Mark = PageMark.LargeDots,
                    IsAlongX = true,
                    Low = traced.Select(l => l.Trace!.Value - (Interval95 * (l.StandardError ?? 0))),
                    High = traced.Select(l => l.Trace!.Value + (Interval95 * (l.StandardError ?? 0))),
                })
            { IsWide = true, Rows = traced.Length });
        blocks.Add(new PageTable("Layers, from the input to the head.", ResultTable.Of(
            "layers", ["layer", "parameters", "share", "trace", "standard error", "top eigenvalue"], layers,
            l =>
            [
                l.Name, l.Parameters, new(Words.Percent((double)l.Parameters / parameters), (double)l.Parameters / parameters), Number(l.Trace),
                Number(l.StandardError), Number(l.TopEigenvalue),
            ])));
        return new PageSection("Layer by layer", blocks) { ShortTitle = "Layers" };
    }

    private static PageSection Stability(StabilityForm found, string path)
    {
        StabilityPoint[] points = [.. ResultFile.Whole(found.Results, "results", path).OrderBy(p => p.Sigma)];
        bool logarithmic = points.All(p => p.Sigma > 0 && p.Gap > 0);
        StabilityPoint[] predicted = [.. points.Where(p => p.HalfSigmaSquaredTrace is > 0)];
        return new PageSection(
            "How noise on the weights raises the loss",
            $"Noise of sigma {Words.Number(points[^1].Sigma)} on every weight raises the loss of {Words.Number(found.Loss)} by "
                + $"{Words.Number(points[^1].Gap, points[^1].StandardError)} (standard error "
                + $"over {Words.Of(found.Draws, "draw")}, {Words.Of(found.Samples, "image")}).",
            new PageChart(
                "Rise of the loss by the size of the noise", string.Join("; ",
                    points.Select(p => $"sigma {Words.Number(p.Sigma)}: {Words.Number(p.Gap, p.StandardError)}")) + ".",
                new PageAxis("sigma") { IsLogarithmic = logarithmic }, new PageAxis("rise of the loss, nats") { IsLogarithmic = logarithmic },
                [
                    new PageSeries("measured, ± 1.96 standard errors", points.Select(p => p.Sigma), points.Select(p => p.Gap))
                    {
                        Mark = PageMark.LineAndDots,
                        Low = points.Select(p => logarithmic ? Math.Max(p.Gap / 100, p.Gap - (Interval95 * p.StandardError))
                            : p.Gap - (Interval95 * p.StandardError)),
                        High = points.Select(p => p.Gap + (Interval95 * p.StandardError)),
                    },
                    .. predicted.Length == 0 ? Array.Empty<PageSeries>()
                        : [new PageSeries("what the Hessian's trace foretells", predicted.Select(p => p.Sigma),
                            predicted.Select(p => p.HalfSigmaSquaredTrace!.Value)) { IsReference = true }],
                ])
            { IsWide = true },
            new PageTable("Rise of the loss F(W) - f(W), and half sigma squared times the trace of the Hessian.", ResultTable.Of(
                "sigmas", ["sigma", "rise", "standard error", "foretold"], points,
                p => [Number(p.Sigma), Number(p.Gap), Number(p.StandardError), Number(p.HalfSigmaSquaredTrace)])))
        { ShortTitle = "Stability" };
    }

    private static PageSection Landscape(LandscapeForm found, string path)
    {
        double[] positions = found.Positions;
        if (positions.Length == 0 || found.Losses.Count != positions.Length)
            throw new DataException(path, $"is not a result as polder writes it: {positions.Length} positions and {found.Losses.Count} losses");
        bool plane = found.Losses.Count > 0 && found.Losses[0] is JsonArray;
        string span = Invariant($"{positions[0]:G3} to {positions[^1]:G3}");
        const string title = "The loss around the weights", shortTitle = "Landscape";
        if (!plane)
        {
            double[] line = ResultFile.Form<double[]>(found.Losses, path);
            bool logarithmic = line.Where(double.IsFinite).All(l => l > 0);
            return new PageSection(
                title, $"Along a line through the weights, from {span}, the loss lies between {Words.Number(LeastOf(line))} and "
                    + $"{Words.Number(MostOf(line))}; at the weights it is {Words.Number(found.Loss)}.",
                new PageChart("Loss along the line", "The loss along the line.", new PageAxis("position, in lengths of the direction"),
                    new PageAxis("loss, nats") { IsLogarithmic = logarithmic }, new PageSeries("", positions, line) { Mark = PageMark.LineAndDots })
                { IsWide = true })
            { ShortTitle = shortTitle };
        }
        double[][] losses = ResultFile.Form<double[][]>(found.Losses, path);
        if (losses.Length != positions.Length || losses.Any(row => row?.Length != positions.Length))
            throw new DataException(path, $"is not a result as polder writes it: {positions.Length} positions need as many rows and columns of losses");
        double[] finite = [.. losses.SelectMany(row => row).Where(double.IsFinite)];
        int middle = positions.Length / 2;
        return new PageSection(
            title, $"Over a plane through the weights, {span} along both directions, the loss lies between {Words.Number(LeastOf(finite))} and "
                + $"{Words.Number(MostOf(finite))}; "
                + $"at the weights it is {Words.Number(found.Loss)}, of {Words.Of(found.Samples, "image")}.",
            new PageColumns(
                new PageSurface("Loss over the plane, colors by rank",
                    $"A plane of {positions.Length} by {positions.Length} losses, the lowest {Words.Number(LeastOf(finite))}.",
                    positions, losses),
                new PageChart("Two cuts through the weights", "The loss along each direction.", new PageAxis("position, in lengths of the direction"),
                    new PageAxis("loss, nats") { IsLogarithmic = finite.All(l => l > 0) },
                    new PageSeries("first direction", positions, losses.Select(row => row[middle])),
                    new PageSeries("second direction", positions, losses[middle]) { Color = 1 })))
        { ShortTitle = shortTitle };
    }

    private static PageSection Bound(BoundForm found, string path)
    {
        PremiseForm[] premises = found.Premises is { Length: > 0 } all ? ResultFile.Whole(all, "premises", path) : [];
        BoundPoint[] points = [.. ResultFile.Whole(found.Grid, "grid", path).OrderBy(p => p.Sigma)],
            measured = [.. points.Where(p => p.ErrorBound is not null)];
        return new PageSection(
            "What the training guarantees",
            [
            $"With confidence {Words.Percent(found.Confidence)} the network with noise of sigma {Words.Number(found.Sigma)} on its weights "
                + $"errs on at most {Words.Percent(found.Value)} of new images"
                + (found.Vacuous ? $": a bound that says nothing, since a guess errs on {Words.Percent(found.GuessError)}."
                    : $"; a guess errs on {Words.Percent(found.GuessError)}."),
            .. premises.Where(p => p.Holds == false)
                .Select(p => (PageBlock)new PageText($"A premise is violated, so the bound is not proven: {p.Name}: {p.Detail}") { IsWarning = true }),
            new PageChart(
                "Bound of the error by the size of the noise", string.Join("; ",
                    points.Select(p => $"sigma {Words.Number(p.Sigma)}: at most {Words.Percent(p.ErrorBound ?? p.LeastErrorBound)}")) + ".",
                new PageAxis("sigma") { IsLogarithmic = points.All(p => p.Sigma > 0) }, new PageAxis("share of errors") { IsShare = true, Least = 0, Most = 1 },
                new PageSeries("bound at least (not measured)", points.Select(p => p.Sigma), points.Select(p => p.LeastErrorBound)) { IsReference = true },
                new PageSeries("bound", measured.Select(p => p.Sigma), measured.Select(p => p.ErrorBound!.Value)) { Mark = PageMark.LargeDots },
                new PageSeries("errors with the noise", measured.Select(p => p.Sigma),
                    measured.Select(p => p.NoisyError ?? double.NaN)) { Mark = PageMark.LargeDots, Color = 1 })
            { IsWide = true },
            new PageTable("Each sigma that was tried.", ResultTable.Of(
                "sigmas", ["sigma", "KL / n", "noisy error", "error bound"], points,
                p =>
                [
                    Number(p.Sigma), Number(p.Divergence / found.Count), p.NoisyError is { } e ? new ResultCell(Words.Percent(e), e) : ResultCell.None,
                    p.ErrorBound is { } b ? new ResultCell(Words.Percent(b), b) : new ResultCell($"> {Words.Percent(p.LeastErrorBound)}", p.LeastErrorBound),
                ])),
            new PageEntries([("images", Words.Count(found.Count)), ("training error", Words.Percent(found.TrainingError)), ("distance from the start",
                Words.Number(found.Distance)),
                .. premises.Where(p => p.Holds != false).Select(p => (p.Name, p.Detail))])
            ])
        { ShortTitle = "Bound" };
    }

    private static double LeastOf(IEnumerable<double> values) => values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min();

    private static double MostOf(IEnumerable<double> values) => values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Max();

    private static ResultCell Number(double? value) => value is { } number && double.IsFinite(number) ? new(Words.Number(number), number) : ResultCell.None;
}
