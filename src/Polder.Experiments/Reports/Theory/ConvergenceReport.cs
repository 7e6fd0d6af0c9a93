using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>A study of convergence as tables and a plot.</summary>
public static class ConvergenceReport
{
    private const int PanelColumns = 2;

    private static readonly ResultColumn[] SlopeColumns =
    [
        "part", "quantity", new("exponent measured (95 % interval)", "exponent", "low", "high"), new("in theory", "theory"), new("closed form", "exact"),
    ];

    private static readonly ResultColumn[] ConstantColumns = ["constant", new("steps", "steps"), new("measured (95 % interval)", "value", "low", "high"),
        new("in theory", "theory")];

    private static readonly ResultColumn[] RateColumns =
    [
        "batches", "pairs", "steps", new("step size", "stepSize"), "variance", new("|grad F|^2", "gradient", "standardError"), new("upper bound", "bound"),
    ];

    private static readonly ResultColumn[] ScanColumns =
    [
        "steps", new("step size, relative", "relative"), new("flat", "flat", "flatStandardError"), "flatExact", new("steep", "steep", "steepStandardError"),
        "steepExact", "bound",
    ];

    private static readonly ResultColumn[] CrossoverColumns =
        ["steps", "stepSize", new("gradient", "gradient", "standardError"), "exact", "bound", "noiseless"];

    private static readonly ResultColumn[] NoiseColumns =
    [
        "function", "sigma", new("one-point variance / C^2 sigma^2", "onePoint", "onePointStandardError"), new("closed form", "onePointExact"),
        new("two-point variance / C^2 sigma^2", "twoPoint", "twoPointStandardError"), new("closed form", "twoPointExact"),
    ];

    /// <summary>Makes the report.</summary>
    /// <param name="result">What was found.</param>
    /// <param name="options">With what.</param>
    public static Result Of(ConvergenceResult result, ConvergenceOptions options)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(options);
        var constants = Constants(result).ToArray();
        return new Result(new
        {
            result.Rates,
            result.Scan,
            result.Crossover,
            result.SmallVariance,
            result.Noise,
            result.Slopes,
            Constants = constants.Select(c => new { c.Name, c.Steps, c.Value, c.Low, c.High, c.Theory }),
        })
        {
            Blocks =
            [
                ResultTable.Of("slopes", SlopeColumns, result.Slopes, s =>
                [
                    s.Part, s.Quantity, Interval(s.Fit.Exponent, s.Fit.Low, s.Fit.High), ResultCell.Of(s.Theory, "0.##"), ResultCell.Of(s.Exact, "F4"),
                ]),
                ResultTable.Of("constants", ConstantColumns, constants, c =>
                    [c.Name, c.Steps is { } steps ? (ResultCell)steps : ResultCell.None, Interval(c.Value, c.Low, c.High), new(c.TheoryText, c.Theory)]),
                ResultTable.Of("noise", NoiseColumns, result.Noise, n =>
                [
                    n.Function, ResultCell.Of(n.Sigma, "G3"), Mean(n.OnePoint), ResultCell.Of(n.OnePointExact, "G4"), Mean(n.TwoPoint),
                    ResultCell.Of(n.TwoPointExact, "G4"),
                ]),
                Invariant($"C = D = 1, s = {options.GradientNoise}, sigma = {options.Sigma}, {options.Repeats} runs of every setting, seed {options.Seed}. ")
                    + "Intervals are over the runs; a finite T adds its own departure from the exponent of the theory.",
                ResultTable.Of("rates", RateColumns, result.Rates, r =>
                [
                    r.Batches.ToString().ToLowerInvariant(), r.Pairs, r.Steps, ResultCell.Of(r.StepSize, "G4"), ResultCell.Of(r.Variance, "G4"),
                    Mean(r.Gradient),
                    ResultCell.Of(r.Bound, "G4"),
                ]) with
                { In = ResultPlace.Programs },
                ResultTable.Of("scan", ScanColumns, result.Scan, p =>
                [
                    p.Steps, ResultCell.Of(p.Relative, "G4"), Mean(p.Flat), ResultCell.Of(p.FlatExact, "G4"), Mean(p.Steep), ResultCell.Of(p.SteepExact, "G4"),
                    ResultCell.Of(p.Bound, "G4"),
                ]) with
                { In = ResultPlace.Programs },
                ResultTable.Of("crossover", CrossoverColumns, result.Crossover, p =>
                [
                    p.Steps, ResultCell.Of(p.StepSize, "G4"), Mean(p.Gradient), ResultCell.Of(p.Exact, "G4"), ResultCell.Of(p.Bound, "G4"),
                    ResultCell.Of(p.Noiseless, "G4"),
                ]) with
                { In = ResultPlace.Programs },
            ],
        };
    }

    /// <summary>Four panels: rates, step sizes, crossover, noise.</summary>
    /// <param name="result">What was found.</param>
    /// <param name="format">.svg or .png.</param>
    public static byte[] Plot(ConvergenceResult result, string format)
    {
        ArgumentNullException.ThrowIfNull(result);
        int most = result.Scan.Max(p => p.Steps);
        StepSizePoint[] scan = [.. result.Scan.Where(p => p.Steps == most)];
        double[] sigmas = [.. result.Noise.Select(n => n.Sigma).Distinct()], steps = [.. result.Crossover.Select(p => (double)p.Steps)];
        return PlotFile.Render(
        [
            new CurvePlot("Rates: slope -1/2; more pairs help with fresh batches", "T", "mean |grad F|^2") { LogX = true, Markers = true }.Make(
            [
                .. result.Rates.GroupBy(r => (r.Batches, r.Pairs))
                    .Where(g => g.Key.Batches == PairBatches.Fresh || g.Key.Pairs == result.Rates.Max(r => r.Pairs))
                    .Select(g => new Curve($"k = {g.Key.Pairs}{(g.Key.Batches == PairBatches.Shared ? ", shared" : "")}", [.. g.Select(r => (double)r.Steps)],
                        [.. g.Select(r => r.Gradient.Value)])),
                .. result.Rates.Where(r => r.Pairs == 1).GroupBy(r => r.Pairs).Select(g =>
                    new Curve("bound, k = 1", [.. g.Select(r => (double)r.Steps)], [.. g.Select(r => r.Bound)])),
            ]),
            new CurvePlot($"No step size is better than 1.12 (T = {most})", "step size / that of the bound", "over sqrt(C D^2 v / T)")
            { LogX = true, Markers = true }.Make(
            [
                new("kappa = 1/(2 eta T)", [.. scan.Select(p => p.Relative)], [.. scan.Select(p => p.Flat.Value)]),
                new("kappa = C", [.. scan.Select(p => p.Relative)], [.. scan.Select(p => p.Steep.Value)]),
                new("bound", [.. scan.Select(p => p.Relative)], [.. scan.Select(p => p.Bound)]),
            ]),
            new CurvePlot("Little noise: from 1/T to 1/sqrt T", "T", "mean |grad F|^2") { LogX = true, Markers = true }.Make(
            [
                new("measured", steps, [.. result.Crossover.Select(p => p.Gradient.Value)]),
                new("bound", steps, [.. result.Crossover.Select(p => p.Bound)]),
                new("v = 0", steps, [.. result.Crossover.Select(p => p.Noiseless)]),
            ]),
            new CurvePlot("Noise of two points: sigma^4, but sigma^2 at a kink", "sigma", "variance of the gradient")
            { LogX = true, Markers = true, LegendLeft = true }.Make(
            [
                NoiseCurve("one-point, quadratic", "quadratic", n => n.OnePoint), NoiseCurve("two-point, kink", "kink", n => n.TwoPoint),
                NoiseCurve("two-point, smooth", "smooth", n => n.TwoPoint),
            ]),
        ], PanelColumns, format);

        Curve NoiseCurve(string name, string function, Func<NoisePoint, MeanEstimate> figure) =>
            new(name, sigmas, [.. result.Noise.Where(n => n.Function == function).Select(n => figure(n).Value * n.Sigma * n.Sigma)]);
    }

    private static IEnumerable<(string Name, int? Steps, double Value, double Low, double High, double Theory, string TheoryText)> Constants(
        ConvergenceResult result)
    {
        foreach (var scan in result.Scan.GroupBy(p => p.Steps))
        {
            yield return Least("least over step sizes, kappa = 1/(2 eta T)", scan, p => p.Flat, 2 * Math.Sqrt((1 - Math.Exp(-1)) / 2));
            yield return Least("least over step sizes, kappa = C", scan, p => p.Steep, Math.Sqrt(2));
        }
        double ratio = result.Rates.Max(r => r.Gradient.Value / r.Bound);
        yield return ("largest measured / upper bound, rates", null, ratio, double.NaN, double.NaN, 1, "<= 1");
        yield return ("crossover T from 1/T to 1/sqrt T", null, result.MeasuredCrossover, double.NaN, double.NaN, 2 / result.SmallVariance,
            Invariant($"{2 / result.SmallVariance:G4}"));
    }

    private static (string, int?, double, double, double, double, string) Least(
        string name, IGrouping<int, StepSizePoint> scan, Func<StepSizePoint, MeanEstimate> figure, double theory)
    {
        MeanEstimate least = figure(scan.MinBy(p => figure(p).Value)!);
        double half = new Estimate(least.Value, least.StandardError, (int)least.Count, 0).HalfWidth();
        return (name, scan.Key, least.Value, least.Value - half, least.Value + half, theory, Invariant($">= {theory:F3} for large T"));
    }

    private static ResultCell Interval(double value, double low, double high) => double.IsNaN(low)
        ? new(Invariant($"{value:G4}"), value, null, null)
        : new(low == high ? Invariant($"{value:F4}") : Invariant($"{value:F4} ({low:F4} to {high:F4})"), value, low, high);

    private static ResultCell Mean(MeanEstimate mean) => ResultCell.Of(mean.Value, mean.StandardError, "G4", "G2");
}
