using Polder.Experiments.Cells;
using Polder.Experiments.Reports;
using Polder.Experiments.Sensing;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Sensing;

public class FairSensingTests
{
    private static readonly FairSensingOptions Options = new()
    {
        Problem = new SensingOptions { Dimension = 8, Rank = 1, DataType = ScalarType.Float64, Threads = 1 },
        Gradients = 400,
        Points = [1, 2],
        Sigmas = [0.02, 0.2],
        LearningRates = [0.005, 0.02, 10],
        ChoiceSeeds = [100, 101],
        Seeds = [0, 1, 2],
        LookEvery = 40,
        TraceProducts = 20,
    };

    private static readonly Lazy<FairSensingResult> Result = new(() => FairSensingStudy.Run(Options));

    [Fact]
    public void The_trace_of_the_hessian_is_that_of_its_closed_form()
    {
        // f = (1/4n) sum r_i^2: H V = (1/n) sum (dr_i A_i U + r_i A_i V), so Tr H = (1/n) sum (2 |A_i U|^2 + d r_i tr A_i).
        const int d = 4, n = 6;
        var random = new Random(3);
        double[] matrices = Numbers(n * d * d), targets = Numbers(n), truth = Numbers(d * d), start = Numbers(d * d);
        using var scope = NewDisposeScope();
        Tensor a = tensor(matrices).view(n, d, d);
        a = a.add(a.transpose(1, 2)).div(2);
        Tensor u = tensor(start).view(d, d);
        Tensor residual = a.mul(u.mm(u.t())).sum([1, 2]).sub(tensor(targets));
        Tensor traces = stack([.. Enumerable.Range(0, n).Select(i => a[i].trace())]);
        double expected = (a.matmul(u).square().sum().mul(2).add(residual.mul(traces).sum().mul(d)).ToDouble()) / n;
        SensingProblem problem = SensingProblem.FromArrays(matrices, targets, truth, start, threads: 1);
        var hessian = new SensingHessian(problem, u);
        Assert.Equal((16, ScalarType.Float64), (hessian.Dimension, hessian.DataType));
        Assert.Equal(expected, hessian.Multiply(eye(16, dtype: ScalarType.Float64)).trace().ToDouble(), 1e-10 * Math.Abs(expected));
        Assert.Throws<ArgumentException>(() => hessian.Multiply(eye(15, dtype: ScalarType.Float64)));

        double[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextDouble()) - 1)];
    }

    [Fact]
    public void Everybody_has_as_many_gradients()
    {
        Assert.Equal(["wp+draws=1", "wp+draws=2", "nso+pairs=1"], Options.Contenders.Select(c => c.Label));
        Assert.All(Options.Contenders, c => Assert.Equal(c.Points, c.At(0.1).GradientEvaluations));
        Assert.All(Result.Value.Choices, c => Assert.InRange(c.Steps * c.Contender.Points, 1, 400));
        Assert.Equal(6, Result.Value.Choices.Count);
    }

    [Fact]
    public void Rate_and_stopping_are_those_of_the_least_error_on_the_choice_problems()
    {
        SensingChoice choice = Result.Value.Choices[0];
        Assert.Equal(("wp+draws=1", 0.02), (choice.Contender.Label, choice.Sigma));
        // The same runs, made here: no rate and no place to stop is better, and the tested problems are not among them.
        double best = double.PositiveInfinity, bestRate = 0;
        int bestSteps = 0;
        foreach (double rate in new[] { 0.005, 0.02 })
        {
            IReadOnlyList<SensingResult> runs = SensingStudy.Run(Options.Problem with
            {
                Steps = 400,
                LearningRate = rate,
                Methods = [new("wp", choice.Contender.At(0.02))],
                Seeds = [100, 101],
                MetricsEvery = 40,
            });
            for (int at = 1; at < runs[0].Curve.Count; at++)
            {
                double error = Math.Sqrt(runs[0].Curve[at].Metrics.Validation * runs[1].Curve[at].Metrics.Validation);
                if (error < best)
                    (best, bestRate, bestSteps) = (error, rate, runs[0].Curve[at].Step);
            }
        }
        Assert.Equal(best, choice.Error, 1e-12 * best);
        Assert.Equal((bestRate, bestSteps), (choice.LearningRate, choice.Steps));
    }

    [Fact]
    public void Tests_are_of_other_problems_with_the_chosen_settings()
    {
        Assert.Equal(18, Result.Value.Tests.Count);
        SensingTest test = Result.Value.Tests[0];
        Assert.Equal(0, test.Seed);
        SensingResult run = SensingStudy.Run(Options.Problem with
        {
            Steps = test.Choice.Steps,
            LearningRate = test.Choice.LearningRate,
            Methods = [new("wp", test.Choice.Contender.At(test.Choice.Sigma))],
            Seeds = [0],
        })[0];
        Assert.Equal(run.Final, test.Metrics);
        Assert.True(test.Trace.Value > 0);
        // Of each method one sigma is chosen, and tested alone where that is asked for.
        Assert.All(Result.Value.Choices.GroupBy(c => c.Contender), c => Assert.Equal(c.Min(x => x.Error), c.Single(x => x.IsChosen).Error));
        FairSensingResult chosen = FairSensingStudy.Run(Options with { TestsEverySigma = false });
        Assert.Equal(9, chosen.Tests.Count);
        Assert.All(chosen.Tests, t => Assert.True(t.Choice.IsChosen));
        Assert.Null(Assert.Single(chosen.Duels).Sigma);
    }

    [Fact]
    public void A_duel_is_the_paired_ratio_of_the_best_of_both()
    {
        Assert.Equal([0.02, 0.2, null], Result.Value.Duels.Select(d => d.Sigma));
        SensingDuel duel = Result.Value.Duels[0];
        double[] wp = [.. Result.Value.TestsOf(duel.Wp).Select(t => t.Metrics.Validation)],
            nso = [.. Result.Value.TestsOf(duel.Nso).Select(t => t.Metrics.Validation)];
        Assert.Equal(wp.Zip(nso, (a, b) => Math.Log(a / b)).Average(), duel.LogRatio.Mean, 1e-12);
        Assert.Equal(3, duel.LogRatio.Pairs);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], FairSensingReport.Plot(Result.Value, ".png")[..4]);
    }

    [Fact]
    public void Runs_that_are_kept_in_a_folder_come_to_the_same_and_are_not_made_again()
    {
        string path = Directory.CreateTempSubdirectory("polder-fair-").FullName;
        try
        {
            FairSensingOptions small = Options with { Seeds = [0, 1], Sigmas = [0.2] };
            FairSensingResult expected = FairSensingStudy.Run(small), stopped = null!;
            var folder = new CellFolder(path);
            // Stopped in the middle of the choice: what is finished stays.
            using var source = new CancellationTokenSource();
            Assert.ThrowsAny<OperationCanceledException>(() => stopped = FairSensingStudy.Run(
                small, folder, new Relay<CellsProgress>(p =>
                {
                    if (p.Finished >= 4)
                        source.Cancel();
                }), source.Token));
            int kept = Directory.GetFiles(path, "*.json").Length;
            Assert.InRange(kept, 4, small.Runs - 1);
            double most = 0;
            FairSensingResult found = FairSensingStudy.Run(small, folder, new Relay<CellsProgress>(p => most = Math.Max(most, p.Done)));
            Assert.Equal(expected.Choices, found.Choices);
            Assert.Equal(expected.Tests.Select(t => (t.Choice, t.Seed, t.Metrics, t.Trace.Value, t.Trace.StandardError)),
                found.Tests.Select(t => (t.Choice, t.Seed, t.Metrics, t.Trace.Value, t.Trace.StandardError)));
            string[] files = Directory.GetFiles(path, "*.json");
            Assert.Equal(small.Runs, files.Length);
            Assert.Equal(small.Runs, most);
            // The third time nothing is done: an outcome that is changed on the disk is believed.
            DateTime[] written = [.. files.Select(File.GetLastWriteTimeUtc)];
            Assert.Equal(found.Choices, FairSensingStudy.Run(small, folder).Choices);
            Assert.Equal(written, files.Select(File.GetLastWriteTimeUtc));
            // One that diverged is kept as that.
            Assert.Contains(files, f => File.ReadAllText(f).Contains("\"curve\": null", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    [Fact]
    public void Where_every_rate_diverges_nothing_is_chosen_or_tested()
    {
        FairSensingResult result = FairSensingStudy.Run(Options with { LearningRates = [1e6], Sigmas = [0.2] });
        Assert.All(result.Choices, c => Assert.True(double.IsNaN(c.LearningRate) && double.IsPositiveInfinity(c.Error) && c.Steps == 0));
        Assert.Empty(result.Tests);
        Assert.Empty(result.Duels);
    }

    [Fact]
    public void What_is_tested_cannot_be_chosen_on() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => FairSensingStudy.Run(Options with { ChoiceSeeds = [2] }));
}
