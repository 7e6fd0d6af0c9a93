namespace Polder.Experiments.Sensing;

/// <summary>
/// A comparison of one-point noise and NSO on matrix sensing in which nothing is chosen on what is tested: rate and stopping of every sigma, and the sigma of
/// every method, are chosen on problems of their own, and every run may make as many gradients as any other.
/// </summary>
public sealed record FairSensingOptions
{
    /// <summary>Size, start and precision of the problems; its steps, rate, methods and seeds are not read.</summary>
    public SensingOptions Problem { get; init; } = new();

    /// <summary>The most gradients of a run, whatever the method. Default 10 000.</summary>
    public int Gradients { get; init; } = 10_000;

    /// <summary>
    /// Points a step, one gradient each: wp takes as many draws, nso half as many pairs where the number is even. Default 1, 2 and 4.
    /// </summary>
    public IReadOnlyList<int> Points { get; init; } = [1, 2, 4];

    /// <summary>The standard deviations of the noise. Default 0.01 to 0.32, each twice the one before.</summary>
    public IReadOnlyList<double> Sigmas { get; init; } = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32];

    /// <summary>The learning rates to choose from. Default 0.000625 to 0.005, each twice the one before.</summary>
    public IReadOnlyList<double> LearningRates { get; init; } = [0.000625, 0.00125, 0.0025, 0.005];

    /// <summary>The seeds of the problems that rate, stopping and sigma are chosen on. Default 1000 and 1001.</summary>
    public IReadOnlyList<long> ChoiceSeeds { get; init; } = [1000, 1001];

    /// <summary>The seeds of the problems that are tested. Default 0 to 9.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

    /// <summary>Whether every sigma is tested, or the chosen one of each method alone. Default: every.</summary>
    public bool TestsEverySigma { get; init; } = true;

    /// <summary>The error is looked at every so many gradients: the places where a run can be stopped. Default 200.</summary>
    public int LookEvery { get; init; } = 200;

    /// <summary>Products with the Hessian that estimate its trace at the end of a tested run; at least 20. Default 40.</summary>
    public int TraceProducts { get; init; } = 40;

    /// <summary>The methods with their points, wp first.</summary>
    public IReadOnlyList<SensingContender> Contenders =>
        [.. Points.Select(n => new SensingContender("wp", n)), .. Points.Where(n => n % 2 == 0).Select(n => new SensingContender("nso", n))];

    /// <summary>The number of runs.</summary>
    public int Runs => (Contenders.Count * Sigmas.Count * LearningRates.Count * ChoiceSeeds.Count)
        + (Contenders.Count * (TestsEverySigma ? Sigmas.Count : 1) * Seeds.Count);

    /// <summary>Checks every field.</summary>
    /// <exception cref="ArgumentException">A field is outside its range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Problem.Validate();
        Require.Grid(Sigmas);
        Require.Grid(LearningRates);
        Require.AtLeast(Gradients, 1);
        Require.AtLeast(LookEvery, 1);
        Require.AtLeast(TraceProducts, 2 * TraceEstimationOptions.LeastSamples);
        Require.That(Points.Count > 0 && Points.All(n => n >= 1 && n <= Gradients) && Points.Distinct().Count() == Points.Count, string.Join(", ", Points),
            "distinct whole numbers from 1 to the gradients of a run", nameof(Points));
        Require.That(Points.Any(n => n % 2 == 0), string.Join(", ", Points), "numbers of which one is even: nso takes pairs", nameof(Points));
        Require.That(ChoiceSeeds.Count > 0 && Seeds.Count > 0 && !ChoiceSeeds.Intersect(Seeds).Any(), string.Join(", ", ChoiceSeeds.Intersect(Seeds)),
            "seeds that are not tested, at least one", nameof(ChoiceSeeds));
    }
}

/// <summary>A method with its number of points a step.</summary>
/// <param name="Method">wp or nso.</param>
/// <param name="Points">Gradients a step.</param>
public sealed record SensingContender(string Method, int Points)
{
    /// <summary>The method's name with its option, as the command line of a comparison has it.</summary>
    public string Label => Method == "nso" ? $"nso+pairs={Points / 2}" : $"wp+draws={Points}";

    /// <summary>The method at a sigma.</summary>
    /// <param name="sigma">The standard deviation of the noise.</param>
    public IGradientMethod At(double sigma) =>
        Method == "nso" ? new NoiseStability { Sigma = sigma, Pairs = Points / 2 } : new WeightPerturbation { Sigma = sigma, Draws = Points };
}
