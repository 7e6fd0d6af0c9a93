using Polder.Benchmarks.Studies;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Studies;

/// <summary>The free trace against products, on functions whose derivatives are known.</summary>
public class FreeTraceStudyTests
{
    [Fact]
    public void On_a_quadratic_every_draw_shows_the_form_itself()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(linspace(-1, 1, 6, ScalarType.Float64));
        Tensor h = arange(1, 7, ScalarType.Float64);
        FreeTraceResult found = new FreeTraceStudy { Sigmas = [0.01, 0.5], Draws = 20, Seed = 4 }.Measure([w], () => (w.pow(2) * h).sum() / 2);
        Assert.InRange(found.Quadratic.Value, 21 - (5 * found.Quadratic.StandardError), 21 + (5 * found.Quadratic.StandardError));
        Assert.True(found.Quadratic.StandardError > 0.1);
        foreach (FreeTracePoint point in found.Points)
        {
            Assert.Equal(found.Quadratic.Value, point.Trace.Value, 1e-5); // the unit numbers of the draws are float32
            Assert.True(Math.Abs(point.Excess.Value) < 1e-5 && point.Excess.StandardError < 1e-5, $"{point.Excess}");
            Assert.True(Math.Abs(point.LossExcess.Value) < 1e-5, $"{point.LossExcess}");
        }
        Assert.Equal(linspace(-1, 1, 6, ScalarType.Float64).data<double>().ToArray(), w.data<double>().ToArray());
    }

    // f = sum w^4: T_g exceeds the trace by 12 n sigma^2, T_l by 6 n sigma^2 (docs/method.md).
    [Fact]
    public void On_a_quartic_the_excess_is_the_bias_of_the_formula()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(linspace(-1, 1.2, 12, ScalarType.Float64));
        FreeTraceResult found = new FreeTraceStudy { Sigmas = [0.2, 0.4], Draws = 400 }.Measure([w], () => w.pow(4).sum());
        foreach (FreeTracePoint point in found.Points)
        {
            Within(12 * 12 * point.Sigma * point.Sigma, point.Excess);
            Within(6 * 12 * point.Sigma * point.Sigma, point.LossExcess);
            Assert.True(point.Excess.StandardError < point.Trace.StandardError);
        }

        static void Within(double expected, Measured found)
        {
            Assert.InRange(expected, found.Value - (4 * found.StandardError), found.Value + (4 * found.StandardError));
            Assert.True(found.StandardError < 0.2 * expected, $"{found} tells nothing");
        }
    }

    [Fact]
    public void Options_out_of_their_range_are_named()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(2));
        foreach (var (study, name) in new[]
        {
            (new FreeTraceStudy { Sigmas = [0.1, 0], Draws = 2 }, "Sigmas"), (new FreeTraceStudy { Sigmas = [0.1], Draws = 1 }, "Draws"),
        })
            Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => study.Measure([w], () => w.sum())).ParamName);
    }
}
