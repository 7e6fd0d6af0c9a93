namespace Polder.Generalization;

/// <summary>What must be chosen before the sample is seen.</summary>
public sealed record BoundOptions
{
    /// <summary>
    /// The standard deviations of the noise that are tried: distinct, above 0. Each pays for the choice: it is given delta / J of the
    /// probability of failure, J the number of them. Default: 0.001 to 0.5 in steps of about 2.
    /// </summary>
    public IReadOnlyList<double> Sigmas { get; init; } = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

    /// <summary>Independent draws of the noise at each sigma, each evaluated on the whole sample; 1 or more. Default 100.</summary>
    public int Draws { get; init; } = 100;

    /// <summary>The probability that the bound may fail over the sample; between 0 and 1. Default 0.05.</summary>
    public double Delta { get; init; } = 0.05;

    /// <summary>The probability that the bound may fail over the draws; between 0 and 1. Default 0.01.</summary>
    public double DrawDelta { get; init; } = 0.01;

    /// <summary>How much of the linear bounds is the measured loss; between 0 and 1. Default 0.5.</summary>
    public double Beta { get; init; } = 0.5;

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentException">One is out of range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.Grid(Sigmas);
        Require.AtLeast(Draws, 1);
        Require.Inside(Delta);
        Require.Inside(DrawDelta);
        Require.Inside(Beta);
        Require.That(Delta + DrawDelta < 1, Delta + DrawDelta, "below 1");
    }
}
