using Polder.Experiments.Reports;
using Polder.Experiments.Theory;
using Polder.Methods.Registry;
using Polder.Settings;
using Polder.Vision.Recipes;

namespace Polder.Experiments.Tests.Theory;

public class ValleyTests
{
    private static readonly ValleyOptions Small = new() { Starts = 40, Gradients = 600, Seed = 2, Strengths = [0.05, 0.35] };
    private static readonly Lazy<IReadOnlyList<ValleyEnds>> Ends = new(() => ValleyStudy.Run(Small));

    [Fact]
    public void Both_valleys_are_equally_deep_and_as_wide_as_they_say()
    {
        Assert.Equal(0, TwoValleys.Value(1, 0), 1e-12);
        Assert.Equal(0, TwoValleys.Value(-1, 0), 1e-12);
        Assert.Equal(TwoValleys.NarrowCurvature, Curvature(1), 1e-3);
        Assert.Equal(TwoValleys.WideCurvature, Curvature(-1), 1e-3);
        // On the ridge both pull alike: descent goes left from its left, and right from its right.
        Assert.True(TwoValleys.Gradient(TwoValleys.Ridge - 0.02, 0).X > 0 && TwoValleys.Gradient(TwoValleys.Ridge + 0.02, 0).X < 0);

        static double Curvature(double x) => (TwoValleys.Gradient(x + 1e-4, 0).X - TwoValleys.Gradient(x - 1e-4, 0).X) / 2e-4;
    }

    [Theory]
    [InlineData(0.3, 1.2)]
    [InlineData(0.66, -0.4)]
    [InlineData(1.7, 0.1)]
    [InlineData(-1.5, 2)]
    public void The_gradient_is_that_of_the_function(double x, double y)
    {
        const double h = 1e-6;
        (double dx, double dy) = TwoValleys.Gradient(x, y);
        Assert.Equal((TwoValleys.Value(x + h, y) - TwoValleys.Value(x - h, y)) / (2 * h), dx, 1e-5);
        Assert.Equal((TwoValleys.Value(x, y + h) - TwoValleys.Value(x, y - h)) / (2 * h), dy, 1e-5);
    }

    [Fact]
    public void Noise_takes_the_narrow_minimum_away()
    {
        double least = TwoValleys.LeastSigmaWithoutNarrow();
        Assert.Contains(Slopes(0.95 * least), s => s < 0);
        Assert.All(Slopes(1.05 * least), s => Assert.True(s > 0));
        // Far from the ridge smoothing leaves a parabola's slope alone.
        Assert.Equal(TwoValleys.WideCurvature * 0.5, TwoValleys.SmoothedSlope(-0.5, 0.1), 1e-6);

        static IEnumerable<double> Slopes(double sigma) => Enumerable.Range(0, 100).Select(i => TwoValleys.SmoothedSlope(-0.4 + (0.016 * i), sigma));
    }

    [Fact]
    public void The_base_optimizer_ends_in_the_valley_it_starts_in()
    {
        ValleyEnds end = Ends.Value.Single(e => e.Method == "base");
        Assert.Null(end.Strength);
        Assert.Equal((600, 0.0), (end.Steps, end.Escaped.Value));
        Assert.Equal(1, end.Wide.Value + end.Narrow.Value, 1e-12);
        Assert.Equal(end.Places[0].Count(p => p.X < TwoValleys.Ridge) / 40.0, end.Wide.Value, 0.051); // a start on the ridge may fall to either side
    }

    [Fact]
    public void Nso_leaves_the_narrow_valley_where_its_own_function_has_none()
    {
        ValleyEnds[] nso = [.. Ends.Value.Where(e => e.Method == "nso")];
        Assert.Equal([300, 300], nso.Select(e => e.Steps));
        Assert.Equal((0.0, 1.0), (nso[0].Escaped.Value, nso[1].Escaped.Value));
        Assert.Equal(1, nso[1].Wide.Value);
        Assert.True(nso[0].Narrow.Value > 0.1);
    }

    [Fact]
    public void A_strength_has_its_row_and_the_same_starts()
    {
        Assert.Equal(["base", "wp 0.05", "wp 0.35", "nso 0.05", "nso 0.35", "sam 0.05", "sam 0.35"],
            Ends.Value.Select(e => $"{e.Method} {e.Strength:0.##}".Trim()));
        Assert.All(Ends.Value, e => Assert.Equal(Ends.Value[0].Places[0], e.Places[0]));
        Assert.All(Ends.Value, e => Assert.All(e.Places, p => Assert.Equal(40, p.Count)));
        Assert.Equal(ValleyStudy.Reports(Small), Ends.Value.Count);
        // The same seed gives the same numbers, whichever methods there are beside.
        ValleyEnds again = ValleyStudy.Run(Small with { Methods = [MethodChoice.Create("sam")], Strengths = [0.35] }).Single();
        Assert.Equal(Ends.Value[^1].Places[^1], again.Places[^1]);
    }

    [Fact]
    public void Methods_with_a_memory_take_part()
    {
        ValleyEnds[] ends = [.. ValleyStudy.Run(Small with { Starts = 4, Gradients = 80, Strengths = [0.1],
            Methods = [.. new[] { "looksam", "bsam", "msam" }.Select(n => MethodChoice.Create(n))] })];
        Assert.Equal(3, ends.Length);
        Assert.All(ends, e => Assert.Equal(0, e.Diverged));
    }

    [Fact]
    public void Every_method_runs_or_says_why_it_cannot()
    {
        MethodChoice[] all = [.. MethodRegistry.Names.Select(name => MethodChoice.Create(name))];
        Assert.Equal(["samon", "functionalsam"], all.Where(m => ValleyStudy.WhyNot(m) is not null).Select(m => m.Name));
        MethodChoice two = MethodChoice.Create("mrwp", new Dictionary<string, object> { ["batches"] = "two" }) with { Label = "mrwp+batches=two" };
        MethodChoice[] run = [.. all.Where(m => ValleyStudy.WhyNot(m) is null), two];
        IReadOnlyList<ValleyEnds> ends = ValleyStudy.Run(Small with { Starts = 2, Gradients = 24, Strengths = [0.1], Methods = run });
        Assert.Equal(run.Select(m => m.Label), ends.Select(e => e.Method));
        Assert.All(ends, e => Assert.Equal(0, e.Diverged));
        // The second mini-batch is another one.
        Assert.NotEqual(ends.Single(e => e.Method == "mrwp").Places[^1], ends[^1].Places[^1]);
        Assert.Contains("functionalsam takes a network's outputs and their loss apart", Refused("functionalsam"));
        Assert.Contains("samon moves normalization layers alone", Refused("samon"));

        static string Refused(string name) =>
            Assert.Throws<SettingException>(() => ValleyStudy.Run(Small with { Methods = [MethodChoice.Create(name)] })).Message;
    }

    [Fact]
    public void The_picture_has_a_row_a_method() =>
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], ValleyReport.Plot(Ends.Value, ".png")[..4]);
}
