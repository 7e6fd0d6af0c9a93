namespace Polder.Experiments.Theory;

/// <summary>The size of a <see cref="ConvergenceStudy"/>. C = 1 and F(W0) - min F = D^2 = 1 throughout.</summary>
public sealed record ConvergenceOptions
{
    /// <summary>Independent runs of every setting, a multiple of 8 of at least 8. Default 400.</summary>
    public int Repeats { get; init; } = 400;

    /// <summary>The fewest steps are 2 to this power. Default 8.</summary>
    public int FewestStepsPower { get; init; } = 8;

    /// <summary>The most steps are 2 to this power, at most 24. Default 16.</summary>
    public int MostStepsPower { get; init; } = 16;

    /// <summary>The numbers of pairs k, rising from 1. Default 1, 4 and 16.</summary>
    public IReadOnlyList<int> Pairs { get; init; } = [1, 4, 16];

    /// <summary>sigma, the standard deviation of the noise on the weights, at least 0. Default 0.1.</summary>
    public double Sigma { get; init; } = 0.1;

    /// <summary>s, the root of the variance of a mini-batch's gradient, above 0. Default 1.</summary>
    public double GradientNoise { get; init; } = 1;

    /// <summary>The variance of the gradient in the run that shows the crossover from 1/T to 1/sqrt T, above 0. Default 2^-10.</summary>
    public double SmallVariance { get; init; } = 1.0 / 1024;

    /// <summary>The seed. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>The greatest number of threads; 0 for all processors. It does not change the result.</summary>
    public int Threads { get; init; }

    /// <summary>The smaller form: 2^6 to 2^12 steps, 80 repeats.</summary>
    public static ConvergenceOptions Quick { get; } = new() { Repeats = 80, FewestStepsPower = 6, MostStepsPower = 12 };

    /// <summary>The numbers of steps T.</summary>
    public IReadOnlyList<int> Steps => [.. Enumerable.Range(FewestStepsPower, MostStepsPower - FewestStepsPower + 1).Select(p => 1 << p)];

    /// <summary>Checks every field.</summary>
    /// <exception cref="ArgumentException">A field is outside its range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.That(Repeats >= 8 && Repeats % 8 == 0, Repeats, "a multiple of 8 of at least 8");
        Require.That(FewestStepsPower is >= 2 and <= 24, FewestStepsPower, "a whole number from 2 to 24");
        Require.That(MostStepsPower > FewestStepsPower && MostStepsPower <= 24, MostStepsPower, "above the fewest steps' power, and at most 24");
        Require.That(Pairs.Count > 1 && Pairs[0] == 1 && Pairs.Zip(Pairs.Skip(1)).All(p => p.First < p.Second), string.Join(", ", Pairs),
            "rising whole numbers from 1, two or more");
        Require.NotNegative(Sigma);
        Require.Positive(GradientNoise);
        Require.Positive(SmallVariance);
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
    }
}
