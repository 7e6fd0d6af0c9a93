using Polder.Vision.Training.Metrics;

namespace Polder.Vision.Tests.Training.Metrics;

public class MetricsAccumulatorTests
{
    private static readonly string[] Classes = ["a", "b", "c"];

    [Fact]
    public void Metrics_are_those_worked_out_by_hand()
    {
        var metrics = new MetricsAccumulator(Classes);
        // Probabilities 1/2, 1/4, 1/4: right, wrong but second, wrong and last.
        metrics.Add([MathF.Log(2), 0, 0], 0);
        metrics.Add([0, MathF.Log(2), 0], 0);
        metrics.Add([0, 0, MathF.Log(2)], 1);
        ClassificationMetrics m = metrics.Result(1, 2, 3);
        Assert.Equal(3, m.Count);
        Assert.Equal(1.0 / 3, m.Accuracy, 1e-15);
        // Among the equal logits of the last image class 0 comes before class 1.
        Assert.Equal([1.0 / 3, 2.0 / 3, 1.0], [m.TopAccuracy[1], m.TopAccuracy[2], m.TopAccuracy[3]]);
        Assert.Equal((Math.Log(2) + 2 * Math.Log(4)) / 3, m.Loss, 1e-7);
        // All three have confidence 1/2, so lie in one bin: |1/3 - 1/2|.
        Assert.Equal(1.0 / 6, m.ExpectedCalibrationError, 1e-7);
        Assert.Equal(new ClassMetrics("a", 2, 1, 0.5, 2.0 / 3), m.PerClass[0]);
    }

    [Fact]
    public void Large_logits_do_not_overflow()
    {
        var metrics = new MetricsAccumulator(Classes);
        metrics.Add([3e38f, -3e38f, 0], 0);
        Assert.Equal(0, metrics.Result().Loss);
        metrics.Add([1000, 0, 0], 1);
        Assert.Equal(500, metrics.Result().Loss);
    }

    [Fact]
    public void A_logit_that_is_no_number_is_refused()
    {
        var metrics = new MetricsAccumulator(Classes);
        Assert.Contains("'b' is NaN", Assert.Throws<ArgumentException>(() => metrics.Add([0, float.NaN, 0], 0)).Message);
        Assert.Throws<ArgumentException>(() => metrics.Add([0, 0], 0));
        Assert.Throws<ArgumentException>(() => metrics.Add([0, 0, 0], 3));
        Assert.Throws<InvalidOperationException>(() => metrics.Result());
        metrics.Add([0, 0, 0], 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => metrics.Result(4));
    }

    [Fact]
    public void Bins_are_closed_above()
    {
        // Two bins: 0.5 belongs to the lower. |1 - 0.5| of the lower, |0 - 0.75 + 1 - 1| of the upper: (0.5 + 0.75) / 3.
        var bins = new CalibrationBins(2);
        bins.Add(0.5, true);
        bins.Add(0.75, false);
        bins.Add(1, true);
        Assert.Equal(1.25 / 3, bins.Error, 1e-15);
        Assert.Throws<ArgumentOutOfRangeException>(() => bins.Add(double.NaN, true));
    }

    [Fact]
    public void A_calibrated_classifier_has_no_error()
    {
        var bins = new CalibrationBins();
        for (int i = 0; i < 10; i++)
            bins.Add(0.7, i < 7);
        Assert.Equal(0, bins.Error, 1e-14);
    }

    [Fact]
    public void Kappa_follows_the_values_of_grades_whatever_the_order_of_the_classes()
    {
        double[] kappas = [.. ((string[][])[["0", "1", "2", "10"], ["0", "1", "10", "2"]]).Select(names =>
        {
            var metrics = new MetricsAccumulator(names);
            foreach ((string truth, string found) in ((string, string)[])[("0", "0"), ("1", "1"), ("2", "10"), ("10", "10"), ("1", "2"), ("10", "2"),
                ("2", "2")])
                metrics.Add([.. names.Select(name => name == found ? 1f : 0)], Array.IndexOf(names, truth));
            return metrics.Result().QuadraticKappa;
        })];
        Assert.Equal(kappas[0], kappas[1], 1e-14);
        Assert.InRange(kappas[0], 0.5, 0.95);
    }
}
