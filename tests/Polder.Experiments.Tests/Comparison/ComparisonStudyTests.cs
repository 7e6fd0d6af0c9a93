using Polder.Experiments.Comparison;
using Polder.Vision.Training;

namespace Polder.Experiments.Tests.Comparison;

public class ComparisonStudyTests(DigitsFixture fixture) : IClassFixture<DigitsFixture>
{
    // 25 images in batches of 10: three steps an epoch.
    private const int Epochs = 2, Steps = 3 * Epochs;

    private static readonly TrainingOptions Training = new() { LearningRate = 0.05, Epochs = Epochs, BatchSize = 10 };

    [Fact]
    public void Without_noise_and_radius_every_method_is_the_base_optimizer()
    {
        // So all methods have the same shots, head and order at a seed: were one of these another, the losses would differ.
        var none = new MethodOptions(Sigma: 0, Pairs: 1, Draws: 1, Rho: 0);
        IReadOnlyList<MethodRuns> results = Study(none, MethodChoice.Names).Execute([4, 11], Cancellation);

        Assert.Equal(MethodChoice.Names, results.Select(r => r.Method));
        foreach (MethodRuns runs in results)
        {
            Assert.Equal([4, 11], runs.Runs.Select(r => r.Seed));
            Assert.Equal(results[0].Runs.Select(Outcome), runs.Runs.Select(Outcome));
        }
        Assert.NotEqual(results[0].Runs[0].TestLoss, results[0].Runs[1].TestLoss);
    }

    [Fact]
    public void Gradients_are_counted_and_runs_repeat()
    {
        var options = new MethodOptions(Sigma: 0.02, Pairs: 2, Draws: 3, Rho: 0.1);
        ComparisonStudy study = Study(options, MethodChoice.Names);
        IReadOnlyList<MethodRuns> first = study.Execute([0], Cancellation), second = study.Execute([0], Cancellation);

        Assert.All(first, runs => Assert.Equal(Steps, runs.Runs[0].Steps));
        Assert.Equal([Steps, 3 * Steps, 4 * Steps, 2 * Steps], first.Select(runs => runs.Runs[0].GradientEvaluations));
        Assert.Equal(first.Select(runs => Outcome(runs.Runs[0])), second.Select(runs => Outcome(runs.Runs[0])));
        Assert.Equal(4, first.Select(runs => runs.Runs[0].TestLoss).Distinct().Count());
    }

    [Fact]
    public void A_stopped_study_keeps_what_is_finished()
    {
        using var stop = new CancellationTokenSource();
        var finished = new List<(string, long)>();
        var study = new ComparisonStudy(fixture.Task, Choices(new MethodOptions(), "base", "nso"), Training)
        {
            // Seed by seed: the third run is the base optimizer's at the second seed.
            Progress = new Relay<ComparisonProgress>(p =>
            {
                if (p is { Method: "base", Seed: 1 })
                    stop.Cancel();
            }),
            Run = new Relay<(string Method, MethodRun Run)>(r => finished.Add((r.Method, r.Run.Seed))),
        };
        IReadOnlyList<MethodRuns> results = study.Execute([0, 1, 2], stop.Token);

        Assert.Equal([("base", 0), ("nso", 0)], finished);
        Assert.Equal(["base 0", "nso 0"], results.Select(r => $"{r.Method} {Assert.Single(r.Runs).Seed}"));
    }

    [Fact]
    public void Progress_rises_to_the_number_of_runs()
    {
        var done = new List<double>();
        var study = new ComparisonStudy(fixture.Task, Choices(new MethodOptions(), "base", "sam"), Training)
        {
            Progress = new Relay<ComparisonProgress>(p =>
            {
                Assert.Equal(2, p.Runs);
                done.Add(p.Done);
            }),
        };
        study.Execute([0], Cancellation);
        Assert.Equal(2 * Steps, done.Count);
        Assert.Equal(done.Order().Distinct(), done);
        Assert.Equal(2, done[^1], 1e-12);
    }

    [Fact]
    public void A_training_that_diverges_names_method_and_seed()
    {
        var study = new ComparisonStudy(fixture.Task, Choices(new MethodOptions(), "base"), Training with { LearningRate = 1e30, Epochs = 5 });
        var thrown = Assert.Throws<TrainingDivergedException>(() => study.Execute([6], Cancellation));
        Assert.StartsWith("base, seed 6: ", thrown.Message);
    }

    [Fact]
    public void A_training_that_diverges_among_others_is_named_and_the_others_are_kept()
    {
        // The noise is so large that float32 overflows; the base optimizer has none.
        var study = new ComparisonStudy(fixture.Task, Choices(new MethodOptions(Sigma: 1e30), "nso", "base"), Training);
        IReadOnlyList<MethodRuns> results = study.Execute([0, 1], Cancellation);
        Assert.Equal("base", Assert.Single(results).Method);
        Assert.Equal([0, 1], results[0].Runs.Select(r => r.Seed));
        Assert.Equal([("nso", 0), ("nso", 1)], study.Diverged.Select(d => (d.Method, d.Seed)));
        Assert.All(study.Diverged, d => Assert.StartsWith($"nso, seed {d.Seed}: ", d.Message));
    }

    [Fact]
    public void Few_shots_on_the_pre_trained_body_are_far_above_chance()
    {
        var training = new TrainingOptions { LearningRate = DigitsDefaults.LearningRate, Epochs = 10, BatchSize = DigitsDefaults.BatchSize };
        MethodRun run = new ComparisonStudy(fixture.Task, Choices(new MethodOptions(), "base"), training).Execute([50], Cancellation)[0].Runs[0];
        // Five classes: chance is 0.2.
        Assert.InRange(run.TestAccuracy, 0.5, 1);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static object Outcome(MethodRun run) =>
        (run.Seed, run.TestAccuracy, run.TestLoss, run.ValidationAccuracy, run.ValidationLoss, run.TrainLoss, run.BestEpoch);

    private ComparisonStudy Study(MethodOptions options, IReadOnlyList<string> methods) => new(fixture.Task, Choices(options, [.. methods]), Training);

    private static MethodChoice[] Choices(MethodOptions options, params string[] methods) => [.. methods.Select(m => MethodChoice.Create(m, options))];
}
