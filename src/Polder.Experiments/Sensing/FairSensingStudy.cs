namespace Polder.Experiments.Sensing;

/// <summary>Matrix sensing with rate, stopping and sigma chosen on some problems, and tested on others at equal gradients.</summary>
public static class FairSensingStudy
{
    /// <summary>Chooses, then tests.</summary>
    /// <param name="options">What to compare.</param>
    /// <param name="progress">Told after every run: how many are done, and what the last one was.</param>
    /// <param name="cancellation">Checked before every step.</param>
    public static FairSensingResult Run(
        FairSensingOptions options, IProgress<(int Done, string Words)>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        int done = 0;
        var choices = new List<SensingChoice>();
        foreach (SensingContender contender in options.Contenders)
        {
            SensingChoice[] ofMethod = [.. options.Sigmas.Select(sigma => Choose(options, contender, sigma, RunOne))];
            SensingChoice best = ofMethod.MinBy(c => c.Error)!;
            choices.AddRange(ofMethod.Select(c => c with { IsChosen = c == best }));
        }

        var tests = new List<SensingTest>();
        var diverged = new List<string>();
        foreach (SensingChoice choice in choices.Where(c => (c.IsChosen || options.TestsEverySigma) && c.Steps > 0))
        {
            foreach (long seed in options.Seeds)
            {
                if (RunOne(choice.Contender, choice.Sigma, choice.LearningRate, choice.Steps, seed, options.TraceProducts) is { } result)
                    tests.Add(new SensingTest(choice, seed, result.Final, result.Trace!));
                else
                    diverged.Add(Words(choice.Contender, choice.Sigma, choice.LearningRate, seed));
            }
        }
        return new FairSensingResult(choices, tests, diverged);

        SensingResult? RunOne(SensingContender contender, double sigma, double rate, int steps, long seed, int traceProducts)
        {
            SensingResult? result = null;
            try
            {
                result = SensingStudy.Run(options.Problem with
                {
                    Steps = steps,
                    LearningRate = rate,
                    Methods = [new(contender.Label, contender.At(sigma))],
                    Seeds = [seed],
                    MetricsEvery = Math.Max(1, options.LookEvery / contender.Points),
                    TraceProducts = traceProducts,
                }, null, cancellation)[0];
            }
            catch (NonFiniteGradientException)
            {
                // The rate or the noise is too large: for a choice that is an answer, and a test says so.
            }
            progress?.Report((++done, $"{Words(contender, sigma, rate, seed)}: {(result is null ? "diverged" : $"{result.Final.Validation:G3}")}"));
            return result;
        }
    }

    private static SensingChoice Choose(
        FairSensingOptions options, SensingContender contender, double sigma,
        Func<SensingContender, double, double, int, long, int, SensingResult?> run)
    {
        var best = new SensingChoice(contender, sigma, double.NaN, 0, double.PositiveInfinity);
        foreach (double rate in options.LearningRates)
        {
            SensingResult?[] results = [.. options.ChoiceSeeds.Select(seed => run(contender, sigma, rate, options.Gradients / contender.Points, seed, 0))];
            if (results.OfType<SensingResult>().ToArray() is not { } whole || whole.Length < results.Length)
                continue;
            // The curves of all problems have the same places; the first is the start.
            for (int at = 1; at < whole[0].Curve.Count; at++)
            {
                double error = Math.Exp(whole.Average(r => Math.Log(r.Curve[at].Metrics.Validation)));
                if (error < best.Error)
                    best = best with { LearningRate = rate, Steps = whole[0].Curve[at].Step, Error = error };
            }
        }
        return best;
    }

    private static string Words(SensingContender contender, double sigma, double rate, long seed) =>
        FormattableString.Invariant($"{contender.Label}, sigma {sigma}, rate {rate}, seed {seed}");
}
