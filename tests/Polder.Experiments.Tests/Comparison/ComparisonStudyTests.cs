using Polder.Experiments.Comparison;
using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Probes;
using Polder.Vision.Recipes;
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
        // So all methods have the same shots, head and order at a seed: were one of these another, the losses would differ. GSAM, LookSAM
        // and Bayesian SAM are no base optimizers there: two keep a part of the gradient, one has an update of its own.
        string[] names = ["base", "wp", "nso", "sam", "asam", "usam", "samon", "rsam", "fsam", "msam"];
        MethodChoice[] choices =
        [
            .. names.Select(name => MethodChoice.Create(name)).Select(choice => choice.Options.Keys.Where(o => o is "sigma" or "rho")
                .Aggregate(choice, (c, option) => c.With(option, 0.0))),
        ];
        IReadOnlyList<MethodRuns> results = new ComparisonStudy(fixture.Task, choices, Training).Execute([4, 11], Cancellation).Methods;

        Assert.Equal(names, results.Select(r => r.Method));
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
        ComparisonStudy study = new(fixture.Task, [.. MethodRegistry.Names.Select(name => MethodChoice.Create(name))], Training);
        IReadOnlyList<MethodRuns> first = study.Execute([0], Cancellation).Methods, second = study.Execute([0], Cancellation).Methods;

        Assert.Equal(MethodRegistry.Names, first.Select(runs => runs.Method));
        Assert.All(first, runs => Assert.Equal(Steps, runs.Runs[0].Steps));
        // Steps 0 and 5 of LookSAM's six cost two.
        Assert.All(first, runs => Assert.Equal(
            runs.Method == "looksam" ? Steps + 2 : Steps * MethodRegistry.Named(runs.Method).PassesPerStep, runs.Runs[0].GradientEvaluations));
        Assert.Equal(first.Select(runs => Outcome(runs.Runs[0])), second.Select(runs => Outcome(runs.Runs[0])));
        Assert.Equal(first.Count, first.Select(runs => runs.Runs[0].TestLoss).Distinct().Count());
    }

    [Fact]
    public void A_method_that_nobody_registered_takes_part()
    {
        var entry = new MethodEntry("halfstep", "half the gradient", a => new HalfStep(a.Number("share")), MethodOption.Share("share", "how much of it", 0.5))
        {
            Passes = "1",
            PassesPerStep = 1,
            ExtraParameterBuffers = 0,
            Source = "",
        };
        MethodChoice[] choices = [MethodChoice.Create("base"), MethodChoice.Create(entry).With("share", 1.0),
            MethodChoice.Create(entry) with { Label = "half" }];
        ComparisonResult result = new ComparisonStudy(fixture.Task, choices, Training).Execute([0], Cancellation);
        Assert.Equal(["base", "halfstep", "half"], result.Methods.Select(m => m.Label));
        // The whole gradient is the base optimizer's; half of it is another training.
        Assert.Equal(Outcome(result.Methods[0].Runs[0]), Outcome(result.Methods[1].Runs[0]));
        Assert.NotEqual(Outcome(result.Methods[0].Runs[0]), Outcome(result.Methods[2].Runs[0]));
        Assert.Contains("share 1", string.Join(' ', Experiments.Reports.ComparisonReport.Of(result, "sgd").Blocks));
        Assert.DoesNotContain("halfstep", MethodRegistry.Names);
    }

    [Fact]
    public void A_budget_of_gradients_stretches_the_steps_and_the_schedules()
    {
        MethodChoice[] choices =
        [
            .. Choices("base", "nso", "looksam"),
            MethodChoice.Create("wp").With("draws", 4),
            MethodChoice.Create("nso").With("sigma-schedule", "late"),
        ];
        IReadOnlyList<MethodRuns> results = new ComparisonStudy(fixture.Task, choices, Training) { Budget = ComparisonBudget.Gradients }.Execute([0],
            Cancellation).Methods;

        // NSO with one pair spends 12 gradients on 6 steps; LookSAM's first ten steps cost 2 1 1 1 1 2 1 1 1 1.
        Assert.Equal([12, 6, 10, 3, 8], results.Select(r => r.Runs[0].Steps));
        Assert.All(results, r => Assert.Equal(2 * Steps, r.Runs[0].GradientEvaluations));

        // Equal steps are equal runs, whichever budget they come from: the learning rate runs over the steps.
        MethodRun epochs = new ComparisonStudy(fixture.Task, Choices("base"), Training with { Epochs = 2 * Epochs })
            .Execute([0], Cancellation).Methods[0].Runs[0];
        Assert.Equal(Outcome(epochs), Outcome(results[0].Runs[0]));
    }

    [Fact]
    public void A_stopped_study_keeps_what_is_finished()
    {
        using var stop = new CancellationTokenSource();
        var finished = new List<(string, long)>();
        var study = new ComparisonStudy(fixture.Task, Choices("base", "nso"), Training)
        {
            // Seed by seed: the third run is the base optimizer's at the second seed.
            Progress = new Relay<ComparisonProgress>(p =>
            {
                if (p is { Method: "base", Seed: 1 })
                    stop.Cancel();
            }),
            Run = new Relay<(string Method, MethodRun Run)>(r => finished.Add((r.Method, r.Run.Seed))),
        };
        IReadOnlyList<MethodRuns> results = study.Execute([0, 1, 2], stop.Token).Methods;

        Assert.Equal([("base", 0), ("nso", 0)], finished);
        Assert.Equal(["base 0", "nso 0"], results.Select(r => $"{r.Method} {Assert.Single(r.Runs).Seed}"));
    }

    [Fact]
    public void Progress_rises_to_the_number_of_runs()
    {
        var done = new List<double>();
        var study = new ComparisonStudy(fixture.Task, Choices("base", "sam"), Training)
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
        var study = new ComparisonStudy(fixture.Task, Choices("base"), Training with { LearningRate = 1e30, Epochs = 5 });
        var thrown = Assert.Throws<TrainingDivergedException>(() => study.Execute([6], Cancellation));
        Assert.StartsWith("base, seed 6: ", thrown.Message);
    }

    [Fact]
    public void A_training_that_diverges_among_others_is_named_and_the_others_are_kept()
    {
        // The noise is so large that float32 overflows; the base optimizer has none.
        var study = new ComparisonStudy(fixture.Task, [MethodChoice.Create("nso").With("sigma", 1e30), MethodChoice.Create("base")], Training);
        ComparisonResult result = study.Execute([0, 1], Cancellation);
        IReadOnlyList<MethodRuns> results = result.Methods;
        Assert.Equal("base", Assert.Single(results).Method);
        Assert.Equal([0, 1], results[0].Runs.Select(r => r.Seed));
        Assert.Equal([("nso", 0), ("nso", 1)], result.Diverged.Select(d => (d.Method, d.Seed)));
        Assert.All(result.Diverged, d => Assert.StartsWith($"nso, seed {d.Seed}: ", d.Message));
    }

    [Fact]
    public void Few_shots_on_the_pre_trained_body_are_far_above_chance()
    {
        var training = new TrainingOptions { LearningRate = DigitsDemo.LearningRate, Epochs = 10, BatchSize = DigitsDemo.BatchSize };
        MethodRun run = new ComparisonStudy(fixture.Task, Choices("base"), training).Execute([50], Cancellation).Methods[0].Runs[0];
        // Five classes: chance is 0.2.
        Assert.InRange(run.TestAccuracy, 0.5, 1);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static object Outcome(MethodRun run) =>
        (run.Seed, run.TestAccuracy, run.TestLoss, run.ValidationAccuracy, run.ValidationLoss, run.TrainLoss, run.BestEpoch);

    private static MethodChoice[] Choices(params string[] methods) => [.. methods.Select(name => MethodChoice.Create(name))];

    private sealed record HalfStep(double Share) : IGradientMethod
    {
        public string Name => "halfstep";

        public int GradientEvaluations => 1;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context) => context.Run(Probe.Centre() with { Weight = Share });
    }
}
