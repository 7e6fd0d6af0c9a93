using System.Text;
using System.Xml.Linq;
using Polder.Experiments.Reports;
using SkiaSharp;

namespace Polder.Experiments.Tests.Reports;

public class ContourPlotTests
{
    private static readonly double[] Positions = [.. Enumerable.Range(0, 21).Select(i => (i - 10) / 10.0)];
    private static readonly ContourPlot Plot = new("loss", "first", "second", "loss");

    // A bowl twice as steep along x, with its bottom at (-0.5, 0.5): the darkest color lies there, in the upper left quarter.
    [Fact]
    public void The_lowest_value_is_where_the_picture_is_darkest()
    {
        byte[] png = Plot.Draw(Positions,
            [.. Positions.Select(x => Positions.Select(y => 0.1 + (2 * (x + 0.5) * (x + 0.5)) + ((y - 0.5) * (y - 0.5))).ToArray())], ".png");
        using SKBitmap picture = SKBitmap.Decode(png);
        Assert.Equal((720, 600), (picture.Width, picture.Height));
        (int X, int Y) darkest = (0, 0);
        int least = int.MaxValue;
        // Within the axes, away from the frame and its words.
        for (int x = 120; x < 520; x++)
        {
            for (int y = 80; y < 500; y++)
            {
                SKColor color = picture.GetPixel(x, y);
                int light = color.Red + (2 * color.Green) + color.Blue;
                if (light < least)
                    (least, darkest) = (light, (x, y));
            }
        }
        Assert.InRange(darkest.X, 120, 280);
        Assert.InRange(darkest.Y, 80, 260);
    }

    [Fact]
    public void Words_say_what_is_shown_and_decades_are_logarithms()
    {
        Assert.SkipUnless(PlotFont.IsAvailable, "needs a TrueType font on this machine");
        XDocument svg = XDocument.Parse(Encoding.UTF8.GetString(
            Plot.Draw(Positions, [.. Positions.Select(x => Positions.Select(y => Math.Exp(10 * (x + y))).ToArray())], ".svg")));
        string[] words = [.. svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value.Trim())];
        foreach (string word in (string[])["loss", "first", "second", "log10 of loss"])
            Assert.Contains(word, words);
    }

    [Fact]
    public void A_grid_with_gaps_is_drawn_and_an_empty_one_refused()
    {
        double[][] values = [.. Positions.Select(x => Positions.Select(y => x < 0 ? double.NaN : y > 0.5 ? double.PositiveInfinity : x + y).ToArray())];
        Assert.NotEmpty(Plot.Draw(Positions, values, ".png"));
        Assert.Throws<ArgumentException>(() => Plot.Draw(Positions, [.. values.Select(row => row.Select(_ => double.NaN).ToArray())], ".png"));
        Assert.Throws<ArgumentException>(() => Plot.Draw(Positions, values[1..], ".png"));
        Assert.Throws<ArgumentException>(() => Plot.Draw(Positions, values, ".pdf"));
    }
}
