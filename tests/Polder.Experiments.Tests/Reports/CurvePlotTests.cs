using System.Text;
using System.Xml.Linq;
using Polder.Experiments.Reports;

namespace Polder.Experiments.Tests.Reports;

public class CurvePlotTests
{
    private static readonly CurvePlot Plot = new("errors", "step", "error");
    private static readonly Curve Falling = new("nso", [0, 1, 2, 3], [10, 1, 0.1, 0.01]);

    [Fact]
    public void A_falling_power_is_a_straight_line_with_words_beside_it()
    {
        Assert.SkipUnless(PlotFont.IsAvailable, "needs a TrueType font on this machine");
        XDocument svg = XDocument.Parse(Encoding.UTF8.GetString(Plot.Draw([Falling], ".svg")));
        string[] words = [.. svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value.Trim())];
        foreach (string word in (string[])["errors", "step", "error", "nso", "10", "0.1"])
            Assert.Contains(word, words);

        // The curve is the one thick path: on a logarithmic axis equal factors are equal heights.
        string path = svg.Descendants().Where(e => e.Name.LocalName == "path" && (string?)e.Attribute("stroke-width") == "2")
            .Select(e => (string)e.Attribute("d")!).First(d => d.Count(c => c == 'L') == 3);
        double[][] points = [.. path[1..].Split('L').Select(p => p.Split(' ').Select(double.Parse).ToArray())];
        double step = points[1][1] - points[0][1];
        Assert.True(step > 50);
        Assert.All(points.Zip(points.Skip(1)), p => Assert.Equal(step, p.Second[1] - p.First[1], 0.01));
    }

    [Fact]
    public void Epochs_are_whole_and_a_legend_beside_the_curves_hides_none()
    {
        Assert.SkipUnless(PlotFont.IsAvailable, "needs a TrueType font on this machine");
        // The values are large, so that the ticks of their axis are whole in any case.
        double[] Numbers(CurvePlot plot) =>
        [
            .. XDocument.Parse(Encoding.UTF8.GetString(plot.Draw([new Curve("nso", [1, 2, 3], [3000, 2000, 1000])], ".svg"))).Descendants()
                .Where(e => e.Name.LocalName == "text").Select(e => double.TryParse(e.Value.Trim(), out double number) ? number : 0),
        ];
        var plot = new CurvePlot("", "epoch", "loss") { LogY = false, LegendBeside = true };
        Assert.Contains(Numbers(plot), number => number != Math.Floor(number));
        double[] whole = Numbers(plot with { WholeX = true });
        Assert.DoesNotContain(whole, number => number != Math.Floor(number));
        Assert.Contains(2, whole);
    }

    [Fact]
    public void Axes_are_linear_or_logarithmic_as_asked()
    {
        // On a linear y axis and a logarithmic x axis a logarithm is a straight line, with negative values in place.
        var plot = new CurvePlot("", "", "") { LogX = true, LogY = false };
        XDocument svg = XDocument.Parse(Encoding.UTF8.GetString(plot.Draw([new Curve("log", [0.1, 1, 10, 100], [-1, 0, 1, 2])], ".svg")));
        string path = svg.Descendants().Where(e => e.Name.LocalName == "path" && (string?)e.Attribute("stroke-width") == "2")
            .Select(e => (string)e.Attribute("d")!).First(d => d.Count(c => c == 'L') == 3);
        double[][] points = [.. path[1..].Split('L').Select(p => p.Split(' ').Select(double.Parse).ToArray())];
        Assert.All(points.Zip(points.Skip(1)), p => Assert.Equal(points[1][0] - points[0][0], p.Second[0] - p.First[0], 0.01));
        Assert.All(points.Zip(points.Skip(1)), p => Assert.Equal(points[1][1] - points[0][1], p.Second[1] - p.First[1], 0.01));
    }

    [Fact]
    public void Png_is_a_png() => Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], Plot.Draw([Falling], ".png")[..4]);

    [Fact]
    public void What_cannot_be_drawn_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Plot.Draw([Falling], ".pdf"));
        Assert.Throws<ArgumentException>(() => Plot.Draw([new Curve("zero", [0], [0])], ".svg"));
        Assert.Throws<ArgumentException>(() => Plot.Draw([new Curve("uneven", [0, 1], [1])], ".svg"));
    }
}
