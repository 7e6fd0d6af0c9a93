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
        int done = 0;
        return Run(options, runs => [.. runs.Select(run =>
        {
            FairSensingOutcome outcome = run.Execute(_ => { }, cancellation);
            progress?.Report((++done, $"{run.Name}: {(outcome.Curve is { } curve ? $"{curve[^1].Metrics.Validation:G3}" : "diverged")}"));
            return outcome;
        })]);
    }

    /// <summary>The same with every finished run kept: what is there is not done again, and other processes may share the folder.</summary>
    /// <param name="options">What to compare.</param>
    /// <param name="folder">Keeps the runs.</param>
    /// <param name="progress">Told where the runs of a stage stand, whichever process does them; the tests are a stage after that of the choice.</param>
    /// <param name="cancellation">Stops the run at hand, which is given back.</param>
    /// <exception cref="OperationCanceledException">It was stopped; what is finished is kept.</exception>
    /// <exception cref="DataException">A file of the folder is damaged.</exception>
    public static FairSensingResult Run(
        FairSensingOptions options, CellFolder folder, IProgress<CellsProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        int before = 0;
        return Run(options, runs =>
        {
            Cell[] cells = [.. runs.Select(run => run.ToCell())];
            int earlier = before;
            new CellRunner(folder)
            {
                Progress = progress is null ? null : new Relay<CellsProgress>(p => progress.Report(p with { Finished = earlier + p.Finished })),
            }.Run(cells, cancellation);
            before += cells.Length;
            return [.. cells.Select(cell => FairSensingOutcome.Of(folder.Read(cell)!))];
        });
    }

    // Every process makes the same list of runs of the same outcomes, so they need not speak to each other.
    private static FairSensingResult Run(FairSensingOptions options, Func<IReadOnlyList<FairSensingRun>, IReadOnlyList<FairSensingOutcome>> execute)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        FairSensingRun[] tried =
        [
            .. from contender in options.Contenders
               from sigma in options.Sigmas
               from rate in options.LearningRates
               from seed in options.ChoiceSeeds
               select new FairSensingRun(options, contender, sigma, rate, options.Gradients / contender.Points, seed, 0),
        ];
        var choices = new List<SensingChoice>();
        foreach (var ofMethod in tried.Zip(execute(tried)).GroupBy(t => t.First.Contender))
        {
            SensingChoice[] ofSigmas = [.. ofMethod.GroupBy(t => t.First.Sigma).Select(Choose)];
            SensingChoice best = ofSigmas.MinBy(c => c.Error)!;
            choices.AddRange(ofSigmas.Select(c => c with { IsChosen = c == best }));
        }

        (SensingChoice Choice, FairSensingRun Run)[] tested =
        [
            .. from choice in choices
               where (choice.IsChosen || options.TestsEverySigma) && choice.Steps > 0
               from seed in options.Seeds
               select (choice, new FairSensingRun(
                   options, choice.Contender, choice.Sigma, choice.LearningRate, choice.Steps, seed, options.TraceProducts)),
        ];
        var ended = tested.Zip(execute([.. tested.Select(t => t.Run)]), (t, outcome) => (t.Choice, t.Run, Outcome: outcome)).ToArray();
        return new FairSensingResult(
            choices, [.. ended.Where(e => e.Outcome.Curve is not null)
                .Select(e => new SensingTest(e.Choice, e.Run.Seed, e.Outcome.Curve![^1].Metrics, e.Outcome.Trace!))],
            [.. ended.Where(e => e.Outcome.Curve is null).Select(e => e.Run.Name)]);
    }

    // Of all rates at one sigma; a rate at which a run diverged is no choice.
    private static SensingChoice Choose(IEnumerable<(FairSensingRun Run, FairSensingOutcome Outcome)> ofSigma)
    {
        (FairSensingRun Run, FairSensingOutcome Outcome)[] all = [.. ofSigma];
        var best = new SensingChoice(all[0].Run.Contender, all[0].Run.Sigma, double.NaN, 0, double.PositiveInfinity);
        foreach (var ofRate in all.GroupBy(t => t.Run.LearningRate).Where(g => g.All(t => t.Outcome.Curve is not null)))
        {
            IReadOnlyList<SensingPoint>[] curves = [.. ofRate.Select(t => t.Outcome.Curve!)];
            // The curves of all problems have the same places; the first is the start.
            for (int at = 1; at < curves[0].Count; at++)
            {
                double error = Math.Exp(curves.Average(c => Math.Log(c[at].Metrics.Validation)));
                if (error < best.Error)
                    best = best with { LearningRate = ofRate.Key, Steps = curves[0][at].Step, Error = error };
            }
        }
        return best;
    }
}
