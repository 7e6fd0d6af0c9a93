namespace Polder.Experiments.Theory;

/// <summary>
/// What the convergence theory of NSO promises, measured: rates against T and k, the instance on which no step size does better, the step from 1/T to
/// 1/sqrt T, and the noise of two-point gradients with and without kinks. method.md derives what is expected.
/// </summary>
public static class ConvergenceStudy
{
    private const int CrossoverFirstPower = 2;

    // eta over the one of the bound: a decade to both sides.
    private static readonly double[] Relative = [.. Enumerable.Range(-12, 25).Select(i => Math.Pow(10, i / 12.0))];
    private static readonly double[] NoiseSigmas = [.. Enumerable.Range(2, 7).Select(i => Math.Pow(2, -i))];

    /// <summary>Runs all parts.</summary>
    /// <param name="options">The size; null is the default.</param>
    /// <param name="progress">Told how much is done, 0 to 1.</param>
    /// <param name="cancellation">Stops.</param>
    public static ConvergenceResult Run(ConvergenceOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new ConvergenceOptions();
        options.Validate();
        IReadOnlyList<RatePoint> rates = Rates(options, progress, cancellation);
        IReadOnlyList<StepSizePoint> scan = Scan(options, cancellation);
        IReadOnlyList<CrossoverPoint> crossover = Crossover(options, cancellation);
        IReadOnlyList<NoisePoint> noise = Noise(options, cancellation);
        progress?.Report(1);
        return new ConvergenceResult(rates, scan, crossover, options.SmallVariance, noise,
            [.. RateSlopes(rates), .. CrossoverSlopes(crossover, options), .. NoiseSlopes(noise)]);
    }

    private static RatePoint[] Rates(ConvergenceOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        // With one pair a shared and a fresh batch are the same thing.
        (PairBatches Batches, int Pairs, int Steps, int Number)[] cells =
        [
            .. (from steps in options.Steps
                from pairs in options.Pairs
                from batches in Enum.GetValues<PairBatches>()
                where pairs > 1 || batches == PairBatches.Fresh
                select (batches, pairs, steps)).Select((cell, number) => (cell.batches, cell.pairs, cell.steps, number)),
        ];
        var points = new RatePoint[cells.Length];
        double all = cells.Sum(Work), done = 0;
        var gate = new Lock();
        // The longest first, so that no thread is left with it.
        Parallel.ForEach(cells.OrderByDescending(Work), Threads(options, cancellation), cell =>
        {
            points[cell.Number] = Rate(options, cell, cancellation);
            lock (gate)
            {
                done += Work(cell);
                progress?.Report(0.95 * done / all);
            }
        });
        return points;

        static double Work((PairBatches, int Pairs, int Steps, int) cell) => (double)cell.Pairs * cell.Steps;
    }

    private static RatePoint Rate(ConvergenceOptions options, (PairBatches Batches, int Pairs, int Steps, int Number) cell, CancellationToken cancellation)
    {
        long seed = SeedOf(options, 1, cell.Number);
        var descent = new NoisyDescent(
            options.Repeats, options.Sigma, options.GradientNoise, cell.Pairs, cell.Batches, new PhiloxNoise(seed), new PhiloxNoise(~seed));
        var bound = new DescentBound(CosineWell.Smoothness, 1, descent.Variance, cell.Steps);
        double[] runs = descent.Run(cell.Steps, bound.StepSize, cancellation);
        return new RatePoint(cell.Batches, cell.Pairs, cell.Steps, bound.StepSize, descent.Variance, Means.Of(runs), bound.Upper);
    }

    private static StepSizePoint[] Scan(ConvergenceOptions options, CancellationToken cancellation)
    {
        var cells =
            (from steps in (int[])[.. new[] { options.Steps[0], options.Steps[options.Steps.Count / 2], options.Steps[^1] }.Distinct()]
             let bound = new DescentBound(1, 1, options.GradientNoise * options.GradientNoise, steps)
             from relative in Relative
             where relative * bound.StepSize <= 1 / bound.Smoothness
             select (bound, relative)).ToArray();
        var points = new StepSizePoint[cells.Length];
        Parallel.For(0, cells.Length, Threads(options, cancellation), i =>
        {
            (DescentBound bound, double relative) = cells[i];
            double stepSize = relative * bound.StepSize;
            var bowl = new TwoWayBowl(bound, stepSize);
            double[] shaking = bowl.Simulate(new PhiloxNoise(SeedOf(options, 2, i)), options.Repeats, cancellation);
            double flat = bowl.Descent(bowl.Flat), steep = bowl.Descent(bowl.Steep);
            points[i] = new StepSizePoint(
                bound.Steps, relative, Means.Of([.. shaking.Select(s => (flat + s) / bound.Unit)]), (flat + bowl.Shaking) / bound.Unit,
                Means.Of([.. shaking.Select(s => (steep + s) / bound.Unit)]), (steep + bowl.Shaking) / bound.Unit, bound.UpperAt(stepSize) / bound.Unit);
        });
        return points;
    }

    private static CrossoverPoint[] Crossover(ConvergenceOptions options, CancellationToken cancellation)
    {
        int[] steps = [.. Enumerable.Range(CrossoverFirstPower, options.MostStepsPower - CrossoverFirstPower + 1).Select(p => 1 << p)];
        var points = new CrossoverPoint[steps.Length];
        Parallel.For(0, steps.Length, Threads(options, cancellation), i =>
        {
            var bound = new DescentBound(1, 1, options.SmallVariance, steps[i]);
            var bowl = new TwoWayBowl(bound, bound.StepSize);
            double descent = bowl.Descent(bowl.Steep);
            double[] shaking = bowl.Simulate(new PhiloxNoise(SeedOf(options, 3, i)), options.Repeats, cancellation);
            var still = new NoisyDescent(8, 0, 0, 1, PairBatches.Shared, new PhiloxNoise(0), new PhiloxNoise(0));
            points[i] = new CrossoverPoint(
                steps[i], bound.StepSize, Means.Of([.. shaking.Select(s => descent + s)]), descent + bowl.Shaking, bound.Upper,
                still.Run(steps[i], 1 / CosineWell.Smoothness, cancellation)[0]);
        });
        return points;
    }

    private static NoisePoint[] Noise(ConvergenceOptions options, CancellationToken cancellation)
    {
        var cells = (from of in NoiseCase.All from sigma in NoiseSigmas select (of, sigma)).ToArray();
        var points = new NoisePoint[cells.Length];
        Parallel.For(0, cells.Length, Threads(options, cancellation), i =>
        {
            (NoiseCase of, double sigma) = cells[i];
            (MeanEstimate one, MeanEstimate two) = PerturbationNoise.Measure(of, sigma, options.Repeats, new PhiloxNoise(SeedOf(options, 4, i)));
            double unit = sigma * sigma;
            points[i] = new NoisePoint(of.Name, sigma, Scaled(one, 1 / unit), of.OnePoint(sigma) / unit, Scaled(two, 1 / unit), of.TwoPoint(sigma) / unit);
        });
        return points;
    }

    private static IEnumerable<MeasuredSlope> RateSlopes(IReadOnlyList<RatePoint> rates)
    {
        foreach (var series in rates.GroupBy(r => (r.Batches, r.Pairs)).OrderBy(g => g.Key.Batches == PairBatches.Shared).ThenBy(g => g.Key.Pairs))
        {
            string name = series.Key.Pairs == 1 ? "k = 1"
                : $"k = {series.Key.Pairs}, {(series.Key.Batches == PairBatches.Fresh ? "a fresh batch a pair" : "one shared batch")}";
            yield return new MeasuredSlope("rates", $"|grad F|^2 against T, {name}", Fit(series.Select(r => ((double)r.Steps, r.Gradient))), -0.5);
        }
        int most = rates.Max(r => r.Steps);
        foreach (PairBatches batches in new[] { PairBatches.Fresh, PairBatches.Shared })
        {
            PowerLaw fit = Fit(rates.Where(r => r.Steps == most && (r.Batches == batches || r.Pairs == 1)).Select(r => ((double)r.Pairs, r.Gradient)));
            yield return new MeasuredSlope(
                "rates", $"|grad F|^2 against k, {(batches == PairBatches.Fresh ? "a fresh batch a pair" : "one shared batch")}, T = {most}", fit,
                batches == PairBatches.Fresh ? -0.5 : 0);
        }
    }

    private static IEnumerable<MeasuredSlope> CrossoverSlopes(IReadOnlyList<CrossoverPoint> points, ConvergenceOptions options)
    {
        // Without noise the sum over the steps is soon complete, and its mean falls as 1/T from there on.
        CrossoverPoint[] late = [.. points.Where(p => p.Steps >= options.Steps[0])];
        yield return new MeasuredSlope("crossover", "|grad F|^2 against T, v = 0", Fit(late.Select(p => ((double)p.Steps, Exactly(p.Noiseless)))), -1);
        double crossover = 2 / options.SmallVariance;
        (string Words, double Slope, CrossoverPoint[] Points)[] sides =
        [
            ("an eighth of the crossover and below", -1, [.. points.Where(p => p.Steps <= crossover / 8)]),
            ("eight times the crossover and above", -0.5, [.. points.Where(p => p.Steps >= 8 * crossover)]),
        ];
        foreach ((string words, double slope, CrossoverPoint[] side) in sides)
        {
            if (side.Length > 1)
            {
                yield return new MeasuredSlope(
                    "crossover", $"|grad F|^2 against T, small v, {words}", Fit(side.Select(p => ((double)p.Steps, p.Gradient))), slope,
                    Fit(side.Select(p => ((double)p.Steps, Exactly(p.Exact)))).Exponent);
            }
        }
    }

    private static IEnumerable<MeasuredSlope> NoiseSlopes(IReadOnlyList<NoisePoint> points)
    {
        foreach (var of in points.GroupBy(p => p.Function))
        {
            yield return Slope("one-point", of.Select(p => (p.Sigma, p.OnePoint, p.OnePointExact)), 2);
            if (of.Key != "quadratic") // its two-point noise is rounding
                yield return Slope("two-point", of.Select(p => (p.Sigma, p.TwoPoint, p.TwoPointExact)), of.Key == "smooth" ? 4 : 2);

            MeasuredSlope Slope(string estimator, IEnumerable<(double Sigma, MeanEstimate Value, double Exact)> series, double theory) => new(
                "noise", $"{estimator} variance against sigma, {of.Key}", Fit(series.Select(p => (p.Sigma, Scaled(p.Value, p.Sigma * p.Sigma)))), theory,
                Fit(series.Select(p => (p.Sigma, Exactly(p.Exact * p.Sigma * p.Sigma)))).Exponent);
        }
    }

    private static PowerLaw Fit(IEnumerable<(double X, MeanEstimate Y)> points) => PowerLaw.Fit([.. points.Select(p => p.X)], [.. points.Select(p => p.Y)]);

    private static MeanEstimate Exactly(double value) => new(value, 0, 2);

    private static MeanEstimate Scaled(MeanEstimate mean, double factor) => new(mean.Value * factor, mean.StandardError * factor, mean.Count);

    // A seed for each cell: cells are independent, and a cell is the same whichever others there are before it in time.
    private static long SeedOf(ConvergenceOptions options, int part, int cell) => (options.Seed << 24) + (part << 16) + cell;

    private static ParallelOptions Threads(ConvergenceOptions options, CancellationToken cancellation) => new()
    {
        MaxDegreeOfParallelism = options.Threads == 0 ? Environment.ProcessorCount : options.Threads,
        CancellationToken = cancellation,
    };
}
