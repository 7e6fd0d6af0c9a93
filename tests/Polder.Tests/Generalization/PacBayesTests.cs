using Polder.Generalization;

namespace Polder.Tests.Generalization;

/// <summary>Bounds against values computed by hand, and against the probability with which they may fail.</summary>
public class PacBayesTests
{
    [Fact]
    public void Divergence_of_two_normal_distributions()
    {
        Assert.Equal(5000, PacBayes.Divergence(1, 0.01), 1e-9);
        Assert.Equal(0, PacBayes.Divergence(0, 0.5));
        Assert.Equal(2, PacBayes.Divergence(1, 0.5), 1e-15);
    }

    [Fact]
    public void Maurer_by_hand()
    {
        // No error, divergence 10, n = 1000, delta = 0.05: 1 - exp(-(10 + ln(2 sqrt(1000) / 0.05)) / 1000).
        double exponent = (10 + Math.Log(2 * Math.Sqrt(1000) / 0.05)) / 1000;
        Assert.Equal(1 - Math.Exp(-exponent), PacBayes.Maurer(0, 10, 1000, 0.05), 1e-14);
        // kl(0.1 || q) = (50 + ln(2 sqrt(10000) / 0.05)) / 10000 = (50 + ln 4000) / 10000.
        double q = PacBayes.Maurer(0.1, 50, 10_000, 0.05);
        Assert.Equal((50 + Math.Log(4000)) / 10_000, BernoulliDivergence.Of(0.1, q), 1e-15);
        Assert.InRange(q, 0.1, 0.14);
    }

    [Fact]
    public void Linear_bounds_by_hand()
    {
        // 0.1 / 0.5 + 2 (20 + ln 20) / (2 x 0.5 x 0.5 x 500)
        Assert.Equal(0.2 + (2 * (20 + Math.Log(20)) / 250), PacBayes.McAllester(0.1, 20, 500, 0.05, 0.5, 2), 1e-14);
        // beta = 1/2 is lambda = 1: 2 (1 - exp(-0.05 - (20 + ln 20) / 500)) / (1 - 1/e)
        double expected = 2 * (1 - Math.Exp(-0.05 - ((20 + Math.Log(20)) / 500))) / (1 - Math.Exp(-1));
        Assert.Equal(expected, PacBayes.Catoni(0.1, 20, 500, 0.05, 0.5, 2), 1e-14);
    }

    [Fact]
    public void Catoni_is_never_above_its_relaxation_or_the_largest_loss()
    {
        var random = new Random(2);
        for (int i = 0; i < 2000; i++)
        {
            double largest = 0.1 + (5 * random.NextDouble()), loss = largest * random.NextDouble(), beta = 0.01 + (0.98 * random.NextDouble());
            double divergence = Math.Exp(10 * random.NextDouble());
            double catoni = PacBayes.Catoni(loss, divergence, 1000, 0.05, beta, largest);
            Assert.InRange(catoni, loss, Math.Min(largest, PacBayes.McAllester(loss, divergence, 1000, 0.05, beta, largest)) * (1 + 1e-14));
        }
    }

    /// <summary>
    /// With W = W0 the bounds are of one fixed classifier, whose errors on the sample are binomial: the probability that a bound is below
    /// the truth is a sum of finitely many terms.
    /// </summary>
    [Theory]
    [InlineData(20)]
    [InlineData(200)]
    public void Bounds_fail_no_more_often_than_they_say(int n)
    {
        const double delta = 0.05;
        for (double truth = 0.02; truth < 1; truth += 0.02)
        {
            Assert.InRange(FailureProbability(n, truth, rate => PacBayes.Maurer(rate, 0, n, delta)), 0, delta);
            Assert.InRange(FailureProbability(n, truth, rate => PacBayes.Catoni(rate, 0, n, delta, 0.7)), 0, delta);
            Assert.InRange(FailureProbability(n, truth, rate => PacBayes.McAllester(rate, 0, n, delta, 0.7)), 0, delta);
            Assert.InRange(FailureProbability(n, truth, rate => PacBayes.DrawsUpperBound(rate, n, delta)), 0, delta);
        }
    }

    [Fact]
    public void A_bound_that_claims_more_would_be_found_out()
    {
        // The check above is sharp: the same bound with a tenth of its confidence term fails too often.
        Assert.InRange(FailureProbability(200, 0.3, rate => BernoulliDivergence.UpperInverse(rate, Math.Log(2 / 0.05) / 2000)), 0.1, 1);
    }

    /// <summary>
    /// A posterior that follows the sample: the label of x, a coin pair in the plane, is one of them; W is the sample's mean of label times
    /// x, and the error of W + U is known in closed form.
    /// </summary>
    [Fact]
    public void The_bound_covers_a_classifier_that_was_trained_on_its_sample()
    {
        const int n = 100, runs = 400;
        const double sigma = 0.5, delta = 0.2, noise = 0.1;
        var random = new Random(3);
        int failures = 0;
        double looseness = 0;
        for (int run = 0; run < runs; run++)
        {
            int[] signs = new int[n];
            for (int i = 0; i < n; i++)
                signs[i] = random.NextDouble() < noise ? -1 : 1;
            // x is +1 or -1, y = x except with probability 0.1; the classifier is sign((w + sigma u) x), wrong where its sign is not y x.
            double w = signs.Average();
            double right = 1 - StandardNormal(-w / sigma);
            double empirical = signs.Average(s => s > 0 ? 1 - right : right);
            double truth = (noise * right) + ((1 - noise) * (1 - right));
            double bound = PacBayes.Maurer(empirical, PacBayes.Divergence(Math.Abs(w), sigma), n, delta);
            failures += bound < truth ? 1 : 0;
            looseness += (bound - truth) / runs;
        }
        Assert.InRange(failures, 0, (int)(delta * runs));
        Assert.InRange(looseness, 0.01, 0.3); // neither trivially 1 nor below the truth
    }

    [Fact]
    public void Arguments_out_of_range_are_named()
    {
        Assert.Contains("delta", Assert.Throws<ArgumentOutOfRangeException>(() => PacBayes.Maurer(0.1, 1, 10, 0)).Message);
        Assert.Contains("examples", Assert.Throws<ArgumentOutOfRangeException>(() => PacBayes.Maurer(0.1, 1, 0, 0.05)).Message);
        Assert.Contains("divergence", Assert.Throws<ArgumentOutOfRangeException>(() => PacBayes.Maurer(0.1, -1, 10, 0.05)).Message);
        Assert.Contains("beta", Assert.Throws<ArgumentOutOfRangeException>(() => PacBayes.McAllester(0.1, 1, 10, 0.05, 1)).Message);
        Assert.Contains("the largest loss, 1", Assert.Throws<ArgumentOutOfRangeException>(() => PacBayes.Catoni(1.5, 1, 10, 0.05)).Message);
        Assert.Contains("sigma", Assert.Throws<ArgumentOutOfRangeException>(() => PacBayes.Divergence(1, 0)).Message);
    }

    private static double FailureProbability(int n, double truth, Func<double, double> bound)
    {
        double probability = 0, logTerm = n * Math.Log(1 - truth);
        for (int k = 0; k <= n; k++)
        {
            if (bound((double)k / n) < truth)
                probability += Math.Exp(logTerm);
            logTerm += Math.Log((double)(n - k) / (k + 1)) + Math.Log(truth / (1 - truth));
        }
        return probability;
    }

    // The distribution function by numeric integration: independent of the code under test, exact to 1e-9.
    private static double StandardNormal(double x)
    {
        const int steps = 2000;
        const double low = -8;
        double h = (Math.Max(x, low) - low) / steps, sum = 0;
        for (int i = 0; i < steps; i++)
        {
            double t = low + ((i + 0.5) * h);
            sum += Math.Exp(-t * t / 2);
        }
        return sum * h / Math.Sqrt(2 * Math.PI);
    }
}
