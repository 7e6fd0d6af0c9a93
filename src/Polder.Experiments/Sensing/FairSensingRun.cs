using System.Text.Json;
using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Sensing;

/// <summary>What came of one run of a <see cref="FairSensingStudy"/>.</summary>
/// <param name="Curve">The errors from the start on; null where the run diverged.</param>
/// <param name="Trace">Tr H at the end; null where it was not asked for.</param>
internal sealed record FairSensingOutcome(IReadOnlyList<SensingPoint>? Curve, Estimate? Trace)
{
    public JsonObject ToJson() => ResultJson.Node(this)!.AsObject();

    public static FairSensingOutcome Of(JsonObject json) => json.Deserialize<FairSensingOutcome>(ResultJson.Options)!;
}

/// <summary>One run of a <see cref="FairSensingStudy"/>: it depends on nothing but what is here.</summary>
/// <param name="Options">The study.</param>
/// <param name="Contender">The method.</param>
/// <param name="Sigma">The standard deviation of the noise.</param>
/// <param name="LearningRate">The rate.</param>
/// <param name="Steps">The steps.</param>
/// <param name="Seed">The seed of problem, start and noise.</param>
/// <param name="TraceProducts">Products that estimate Tr H at the end; 0: none.</param>
internal sealed record FairSensingRun(
    FairSensingOptions Options, SensingContender Contender, double Sigma, double LearningRate, int Steps, long Seed, int TraceProducts)
{
    /// <summary>What people call it.</summary>
    public string Name => Invariant($"{Contender.Label}, sigma {Sigma}, rate {LearningRate}, seed {Seed}");

    /// <summary>Runs.</summary>
    /// <param name="report">Told at every point of the curve.</param>
    /// <param name="cancellation">Checked before every step.</param>
    public FairSensingOutcome Execute(Action<SensingPoint> report, CancellationToken cancellation)
    {
        try
        {
            SensingResult result = SensingStudy.Run(Options.Problem with
            {
                Steps = Steps,
                LearningRate = LearningRate,
                Methods = [new(Contender.Label, Contender.At(Sigma))],
                Seeds = [Seed],
                MetricsEvery = Math.Max(1, Options.LookEvery / Contender.Points),
                TraceProducts = TraceProducts,
            }, new Relay<SensingProgress>(p => report(p.Point)), cancellation)[0];
            Estimate? trace = result.Trace is { } t ? new Estimate(t.Value, t.StandardError, t.Samples, t.Products) : null;
            return new FairSensingOutcome(result.Curve, trace);
        }
        catch (NonFiniteGradientException)
        {
            // The rate or the noise is too large: for a choice that is an answer, and a test says so.
            return new FairSensingOutcome(null, null);
        }
    }

    /// <summary>The run as a cell of a folder.</summary>
    public Cell ToCell() => new(Name, Settings(), work => Execute(
        point => work.Report((double)point.Step / Steps, () => Invariant($"{Name}: step {point.Step} of {Steps}, error {point.Metrics.Validation:G3}")),
        work.Cancellation).ToJson());

    private JsonObject Settings() => ResultJson.Node(new
    {
        Options.Problem.Dimension,
        Options.Problem.Rank,
        Measurements = Options.Problem.MeasurementCount,
        Options.Problem.InitialScale,
        DataType = Options.Problem.DataType.ToString(),
        Options.LookEvery,
        Method = Contender.Label,
        Sigma,
        LearningRate,
        Steps,
        Seed,
        TraceProducts,
    })!.AsObject();
}
