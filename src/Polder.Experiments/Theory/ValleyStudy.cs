namespace Polder.Experiments.Theory;

/// <summary>Which of two minima methods end in, from the same random starts with the same mini-batches and as many gradients each.</summary>
public sealed record ValleyOptions
{
    /// <summary>
    /// The methods; each is tried with every one of <see cref="Strengths"/> as the value of its first option. Default: base, wp, nso and sam.
    /// </summary>
    public IReadOnlyList<MethodChoice> Methods { get; init; } =
        [MethodChoice.Create("base"), MethodChoice.Create("wp"), MethodChoice.Create("nso"), MethodChoice.Create("sam")];

    /// <summary>The values of sigma and of rho. Default 0.05, 0.1, 0.2, 0.3 and 0.4; the narrow valley is about 1/3 wide to each side.</summary>
    public IReadOnlyList<double> Strengths { get; init; } = [0.05, 0.1, 0.2, 0.3, 0.4];

    /// <summary>Starts, uniform over |x| &lt; 2, |y| &lt; 2. Default 200.</summary>
    public int Starts { get; init; } = 200;

    /// <summary>Gradients of a run. Default 800.</summary>
    public int Gradients { get; init; } = 800;

    /// <summary>The learning rate: below 2 / h_n = 0.02 no valley throws anybody out by itself. Default 0.01.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>The standard deviation of a mini-batch's gradient, a coordinate. Default 0.5.</summary>
    public double GradientNoise { get; init; } = 0.5;

    /// <summary>The seed. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Checks every field.</summary>
    /// <exception cref="ArgumentException">A field is outside its range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.Grid(Strengths);
        Require.AtLeast(Starts, 2);
        Require.AtLeast(Gradients, 8);
        Require.Positive(LearningRate);
        Require.NotNegative(GradientNoise);
        Require.That(Methods.Count > 0, "none", "one or more", nameof(Methods));
    }
}

/// <summary>Where one method ended with one strength.</summary>
/// <param name="Method">The method.</param>
/// <param name="Strength">The value of its first option; null where it has none.</param>
/// <param name="Steps">Steps of a run.</param>
/// <param name="Wide">The share of the starts that ended in the wide valley, at most <see cref="ValleyStudy.Bottom"/> above its minimum.</param>
/// <param name="Narrow">The same of the narrow one.</param>
/// <param name="Escaped">Of the starts from which descent ends in the narrow valley, the share that ended in the wide one.</param>
/// <param name="Loss">The median of f at the ends.</param>
/// <param name="Diverged">Runs that left the plane; they count as not wide.</param>
/// <param name="Places">The points of all runs at the start and after a quarter, a half and all of the steps.</param>
public sealed record ValleyEnds(
    string Method, double? Strength, int Steps, MeanEstimate Wide, MeanEstimate Narrow, MeanEstimate Escaped, double Loss, int Diverged,
    IReadOnlyList<IReadOnlyList<(double X, double Y)>> Places);

/// <summary>Runs methods on <see cref="TwoValleys"/>.</summary>
public static class ValleyStudy
{
    /// <summary>How far above 0 f may be at a place that counts as in a valley: 0.5 to each side in the wide one, 0.1 in the narrow one.</summary>
    public const double Bottom = 0.5;

    /// <summary>Runs every method with every strength.</summary>
    /// <param name="options">What to run; null is the default.</param>
    /// <param name="progress">Told after every method and strength.</param>
    /// <param name="cancellation">Checked before every run.</param>
    /// <exception cref="SettingException">A method cannot run here (<see cref="WhyNot"/>).</exception>
    public static IReadOnlyList<ValleyEnds> Run(ValleyOptions? options = null, IProgress<(int Done, string Words)>? progress = null,
        CancellationToken cancellation = default)
    {
        options ??= new ValleyOptions();
        options.Validate();
        foreach (MethodChoice method in options.Methods)
            if (WhyNot(method) is { } reason)
                throw new SettingException("methods", method.Label, $"methods for a function of two plain parameters: {method.Label} {reason}");
        double[][] starts = [.. Enumerable.Range(0, options.Starts).Select(run => Start(options, run))];
        var ends = new List<ValleyEnds>();
        foreach (MethodChoice method in options.Methods)
        {
            foreach (double? strength in StrengthsOf(method, options))
            {
                ends.Add(Run(options, method, strength, starts, cancellation));
                progress?.Report((ends.Count, FormattableString.Invariant($"{method.Label} {strength}: {ends[^1].Wide.Value:P0} wide")));
            }
        }
        return ends;
    }

    /// <summary>
    /// Why a method cannot run on a function of two plain parameters, as the end of a sentence that its name begins; null where it can. That it would cut the
    /// mini-batch is seen when it does.
    /// </summary>
    /// <param name="method">The method.</param>
    public static string? WhyNot(MethodChoice method)
    {
        ArgumentNullException.ThrowIfNull(method);
        try
        {
            return Make(method, 1).TakesOutputs ? "takes a network's outputs and their loss apart, and this function has no outputs" : null;
        }
        catch (ArgumentException e)
        {
            return e.ParamName == nameof(MethodSetup.Model) ? "moves normalization layers alone, and here are none" : $"cannot be made: {e.Message}";
        }
    }

    /// <summary>How often <see cref="Run(ValleyOptions?, IProgress{ValueTuple{int, string}}?, CancellationToken)"/> reports.</summary>
    /// <param name="options">The options.</param>
    public static int Reports(ValleyOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Methods.Sum(m => StrengthsOf(m, options).Count());
    }

    private static IEnumerable<double?> StrengthsOf(MethodChoice method, ValleyOptions options) =>
        method.Entry.TuningGrid.Count > 0 ? options.Strengths.Select(s => (double?)s) : [null];

    private static double[] Start(ValleyOptions options, int run)
    {
        // Uniform of variance 1 is uniform over +-sqrt 3.
        double[] start = new double[2];
        new PhiloxNoise(options.Seed, NoiseDistribution.Uniform).Fill(0, run, 0, start);
        return [.. start.Select(v => v * 2 / Math.Sqrt(3))];
    }

    private static ValleyEnds Run(ValleyOptions options, MethodChoice choice, double? strength, double[][] starts, CancellationToken cancellation)
    {
        if (strength is { } value)
            choice = choice.With(choice.Entry.Options[0].Name, value);
        int steps = (int)Math.Max(4, GradientBudget.Steps(For, options.Gradients));
        IGradientMethod method = For(steps);
        int[] looks = [0, steps / 4, steps / 2, steps];
        var places = looks.Select(_ => new List<(double, double)>()).ToArray();
        ValleyObjective objective = new(options.GradientNoise, new PhiloxNoise(~options.Seed)),
            second = new(options.GradientNoise, new PhiloxNoise(~options.Seed), number: 1);
        int diverged = 0;
        for (int run = 0; run < starts.Length; run++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var weights = new Parameter(tensor(starts[run]));
            // A seed of its own, so that no two runs meet the same noise.
            using var optimizer = new FlatMinimaOptimizer(
                torch.optim.SGD([weights], options.LearningRate), method, noise: new PhiloxNoise((options.Seed << 24) + run + 1, choice.Distribution))
            { MeasureCurvature = false, ReplayRandomNumbers = false };
            try
            {
                for (int step = 0, look = 0; step <= steps; step++)
                {
                    if (step == looks[look])
                    {
                        ReadOnlySpan<double> w = weights.data<double>().ToArray();
                        places[look++].Add((w[0], w[1]));
                    }
                    if (step == steps)
                        break;
                    objective.Take(step, run);
                    second.Take(step, run);
                    Step(optimizer, objective, second, choice);
                }
            }
            catch (NonFiniteGradientException)
            {
                // The rest of the run is nowhere.
                diverged++;
                for (int look = 1; look < looks.Length; look++)
                    if (places[look].Count <= run)
                        places[look].Add((double.NaN, double.NaN));
            }
        }
        bool[] ended = [.. places[^1].Select(p => TwoValleys.Value(p.Item1, p.Item2) <= Bottom)],
            left = [.. places[^1].Select(p => p.Item1 < TwoValleys.Ridge)];
        bool[] wide = [.. ended.Zip(left, (e, l) => e && l)];
        double[] losses = [.. places[^1].Select(p => TwoValleys.Value(p.Item1, p.Item2)).Order()];
        return new ValleyEnds(
            choice.Label, strength, steps, ShareOf(wide), ShareOf([.. ended.Zip(left, (e, l) => e && !l)]),
            ShareOf([.. wide.Zip(places[0]).Where(p => p.Second.Item1 > TwoValleys.Ridge).Select(p => p.First)]), losses[losses.Length / 2], diverged, places);

        // As many examples as steps: what a method asks of them is small beside the function here.
        IGradientMethod For(long count) => Make(choice, count);
    }

    private static IGradientMethod Make(MethodChoice choice, long steps) => choice.For(new MethodSetup { Steps = steps, Examples = steps });

    private static void Step(FlatMinimaOptimizer optimizer, ValleyObjective objective, ValleyObjective second, MethodChoice choice)
    {
        try
        {
            optimizer.Step(objective, second);
        }
        catch (InvalidOperationException e)
        {
            throw new SettingException("methods", choice.Label, "methods that see the whole mini-batch with every gradient: here it has no rows to cut", e);
        }
    }

    private static MeanEstimate ShareOf(bool[] ended)
    {
        double share = ended.Length == 0 ? double.NaN : ended.Average(e => e ? 1.0 : 0);
        return new MeanEstimate(share, Math.Sqrt(share * (1 - share) / ended.Length), ended.Length);
    }
}
