namespace Polder.Experiments.Theory;

/// <summary>
/// The instance that no constant step size does well on: f = (kappa / 2) w1^2 + (C / 2) w2^2 from w1 = sqrt(2 D^2 / kappa), w2 = 0, with gradient noise of
/// variance v on w2 alone. Small steps do not get down along w1, large ones shake w2.
/// </summary>
/// <param name="Bound">C, D^2, v and T.</param>
/// <param name="StepSize">eta, at most 1/C.</param>
internal sealed record TwoWayBowl(DescentBound Bound, double StepSize)
{
    /// <summary>The kappa of the lower bound of the theory: 1 / (2 eta T). Its constant is 2 sqrt((1 - 1/e) / 2) = 1.12.</summary>
    public double Flat => 1 / (2 * StepSize * Bound.Steps);

    /// <summary>kappa = C: the constant is sqrt 2, half of the upper bound's.</summary>
    public double Steep => Bound.Smoothness;

    /// <summary>(1/T) sum of (kappa w1)^2 over the steps, which has no noise: 2 kappa D^2 / T (1 - q^T) / (1 - q), q = (1 - eta kappa)^2.</summary>
    /// <param name="kappa">The curvature along w1.</param>
    public double Descent(double kappa)
    {
        double q = Math.Pow(1 - (StepSize * kappa), 2);
        return 2 * kappa * Bound.Height / Bound.Steps * (1 - Math.Pow(q, Bound.Steps)) / (1 - q);
    }

    /// <summary>(1/T) sum of E (C w2)^2, exactly: w2 is a linear recursion, E w2(t)^2 = eta^2 v (1 - p^t) / (1 - p), p = (1 - eta C)^2.</summary>
    public double Shaking
    {
        get
        {
            double p = Math.Pow(1 - (StepSize * Bound.Smoothness), 2), c = Bound.Smoothness;
            double mean = 1 - ((1 - Math.Pow(p, Bound.Steps)) / (1 - p) / Bound.Steps);
            return c * c * StepSize * StepSize * Bound.Variance / (1 - p) * mean;
        }
    }

    /// <summary>The same simulated, a number a run.</summary>
    /// <param name="noise">Normal numbers: element r of (step t, draw 0) is run r's.</param>
    /// <param name="repeats">The number of runs.</param>
    /// <param name="cancellation">Stops.</param>
    public double[] Simulate(NoiseStream noise, int repeats, CancellationToken cancellation)
    {
        double[] w = new double[repeats], unit = new double[repeats], sum = new double[repeats];
        double c = Bound.Smoothness, deviation = Math.Sqrt(Bound.Variance);
        for (int t = 0; t < Bound.Steps; t++)
        {
            if (t % 256 == 0)
                cancellation.ThrowIfCancellationRequested();
            noise.Fill(t, 0, 0, unit);
            for (int r = 0; r < repeats; r++)
            {
                double gradient = c * w[r];
                sum[r] += gradient * gradient;
                w[r] -= StepSize * (gradient + (deviation * unit[r]));
            }
        }
        return [.. sum.Select(s => s / Bound.Steps)];
    }
}
