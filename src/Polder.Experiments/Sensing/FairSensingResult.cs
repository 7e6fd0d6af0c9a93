namespace Polder.Experiments.Sensing;

/// <summary>What was chosen for a method and sigma, by the error on measurements that were not trained on, of problems that are not tested.</summary>
/// <param name="Contender">The method.</param>
/// <param name="Sigma">The standard deviation of the noise.</param>
/// <param name="LearningRate">The rate; NaN where every rate diverged.</param>
/// <param name="Steps">After how many steps to stop.</param>
/// <param name="Error">The geometric mean over the choice problems of the error there; infinite where every rate diverged.</param>
public sealed record SensingChoice(SensingContender Contender, double Sigma, double LearningRate, int Steps, double Error)
{
    /// <summary>Whether the sigma is the one that was chosen for the method.</summary>
    public bool IsChosen { get; init; }
}

/// <summary>A tested run.</summary>
/// <param name="Choice">Its settings.</param>
/// <param name="Seed">The seed of the problem.</param>
/// <param name="Metrics">The errors at the end; the one on measurements that were not trained on is <see cref="SensingMetrics.Validation"/>.</param>
/// <param name="Trace">Tr H of the training loss at the end.</param>
public sealed record SensingTest(SensingChoice Choice, long Seed, SensingMetrics Metrics, Estimate Trace);

/// <summary>A comparison of the two methods where both are at their best by the choice problems: over all sigmas, or at one.</summary>
/// <param name="Sigma">The sigma of both; null where each has its own.</param>
/// <param name="Wp">What was chosen for one-point noise.</param>
/// <param name="Nso">What was chosen for NSO.</param>
/// <param name="LogRatio">ln(error of wp / error of nso) over the tested problems: above 0 nso wins.</param>
public sealed record SensingDuel(double? Sigma, SensingChoice Wp, SensingChoice Nso, PairedDifference LogRatio);

/// <summary>What a <see cref="FairSensingStudy"/> found.</summary>
/// <param name="Choices">One a method and sigma.</param>
/// <param name="Tests">The tested runs.</param>
/// <param name="Diverged">Tested runs that diverged, in words; their methods have fewer tests.</param>
public sealed record FairSensingResult(IReadOnlyList<SensingChoice> Choices, IReadOnlyList<SensingTest> Tests, IReadOnlyList<string> Diverged)
{
    /// <summary>Each sigma that was tested, and at last each method with its own; where a test of either diverged there is none.</summary>
    public IReadOnlyList<SensingDuel> Duels
    {
        get
        {
            double[] tested = [.. Choices.Select(c => c.Sigma).Distinct().Where(s => Choices.Where(c => c.Sigma == s).All(c => TestsOf(c).Length > 0))];
            return [.. tested.Select(s => Duel(s)).Append(Duel(null)).OfType<SensingDuel>()];
        }
    }

    /// <summary>The tested runs of a choice, in the order of their seeds.</summary>
    /// <param name="choice">The choice.</param>
    public SensingTest[] TestsOf(SensingChoice choice) => [.. Tests.Where(t => t.Choice == choice).OrderBy(t => t.Seed)];

    private SensingDuel? Duel(double? sigma)
    {
        SensingChoice wp = Best("wp"), nso = Best("nso");
        double[] a = [.. TestsOf(wp).Select(t => Math.Log(t.Metrics.Validation))], b = [.. TestsOf(nso).Select(t => Math.Log(t.Metrics.Validation))];
        return a.Length == b.Length && a.Length > 0 ? new SensingDuel(sigma, wp, nso, PairedDifference.Of(a, b)) : null;

        SensingChoice Best(string method) => Choices.Where(c => c.Contender.Method == method && (sigma is null || c.Sigma == sigma)).MinBy(c => c.Error)!;
    }
}
