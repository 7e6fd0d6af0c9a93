using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Polder.Experiments.Reports;
using Polder.Vision.Training.Metrics;
using SkiaSharp;

namespace Polder.Experiments.Tests.Reports;

public class ConfusionPlotTests
{
    private static readonly string[] Classes = ["ant", "bee", "fly"];

    [Fact]
    public void Cells_are_of_one_size_and_dark_where_the_images_are()
    {
        // Ants are found, bees are taken for flies and flies for bees: from the upper row on, the left, right and middle column are dark.
        var confusion = new ConfusionMatrix(3);
        foreach ((int label, int predicted) in new[] { (0, 0), (1, 2), (2, 1) })
            confusion.Add(label, predicted);
        using SKBitmap picture = SKBitmap.Decode(ConfusionPlot.Draw("Test", Classes, confusion, ".png"));
        var cells = new List<(int Left, int Right, int Top, int Bottom)>();
        for (int y = 0; y < picture.Height; y++)
        {
            // The bar of colors is at the right.
            int[] dark = [.. Enumerable.Range(0, picture.Width - 100).Where(x => IsDarkBlue(picture.GetPixel(x, y)))];
            if (dark.Length == 0)
                continue;
            if (cells.Count == 0 || Math.Abs(cells[^1].Left - dark[0]) > 20)
                cells.Add((dark[0], dark[^1], y, y));
            cells[^1] = cells[^1] with { Bottom = y };
        }
        Assert.Equal(3, cells.Count);
        int width = cells[0].Right - cells[0].Left, height = cells[0].Bottom - cells[0].Top;
        Assert.InRange(width, 60, 200);
        // A gap of 4 % of a cell lies between two.
        int pitch = (int)Math.Round(width / 0.96);
        foreach ((int place, var cell) in new[] { 0, 2, 1 }.Zip(cells))
        {
            Assert.InRange(cell.Right - cell.Left, width - 3, width + 3);
            Assert.InRange(cell.Bottom - cell.Top, height - 3, height + 3);
            Assert.InRange(cell.Left - cells[0].Left, (place * pitch) - 6, (place * pitch) + 6);
        }

        static bool IsDarkBlue(SKColor color) => color is { Red: < 30, Green: < 70, Blue: > 90 };
    }

    [Fact]
    public void A_cell_is_a_rectangle_and_no_picture_that_a_browser_would_smear()
    {
        var confusion = new ConfusionMatrix(3);
        foreach ((int label, int predicted) in new[] { (0, 0), (1, 2), (2, 1), (2, 2) })
            confusion.Add(label, predicted);
        XDocument svg = XDocument.Parse(Encoding.UTF8.GetString(ConfusionPlot.Draw("Test", Classes, confusion, ".svg")));
        // The bar of colors is the only picture that is left.
        Assert.True(svg.Descendants().Count(e => e.Name.LocalName == "image") <= 1);
        string[] fills = [.. svg.Descendants().Where(e => e.Name.LocalName == "rect").Select(e => ((string?)e.Attribute("fill") ?? "").ToUpperInvariant())];
        Assert.Equal(2, fills.Count(f => f == "#08306B")); // whole rows
        Assert.Equal(2, fills.Count(f => f == "#6BAED6")); // half a row
    }

    [Fact]
    public void Words_name_classes_and_count_images()
    {
        Assert.SkipUnless(PlotFont.IsAvailable, "needs a TrueType font on this machine");
        var confusion = new ConfusionMatrix(3);
        for (int i = 0; i < 37; i++)
            confusion.Add(1, 2);
        XDocument svg = XDocument.Parse(Encoding.UTF8.GetString(ConfusionPlot.Draw("Test", Classes, confusion, ".svg")));
        XElement[] texts = [.. svg.Descendants().Where(e => e.Name.LocalName == "text")];
        string[] words = [.. texts.Select(e => e.Value.Trim())];
        foreach (string word in (string[])[.. Classes, "37", "true", "Test", "100 %"])
            Assert.Contains(word, words);
        // In one font: a word in another, which the machine may not have, would be missing in the picture.
        Assert.Single(texts.Select(e => (string?)e.Attribute("font-family")).Distinct());
        Assert.Throws<ArgumentException>(() => ConfusionPlot.Draw("Test", Classes[1..], confusion, ".svg"));
    }

    [Fact]
    public void Where_there_are_many_classes_both_axes_count_them_from_the_upper_left()
    {
        Assert.SkipUnless(PlotFont.IsAvailable, "needs a TrueType font on this machine");
        XDocument svg = XDocument.Parse(Encoding.UTF8.GetString(
            ConfusionPlot.Draw("Test", [.. Enumerable.Range(0, 41).Select(c => $"class {c}")], new ConfusionMatrix(41), ".svg")));
        (string Word, double X, double Y)[] words = [.. svg.Descendants().Where(e => e.Name.LocalName == "text")
            .Select(e => (e.Value.Trim(), Place(e)[0], Place(e)[1]))];
        var twenty = words.Where(w => w.Word == "20").OrderBy(w => w.X).ToArray();
        var forty = words.Where(w => w.Word == "40").OrderBy(w => w.X).ToArray();
        Assert.Equal((2, 2), (twenty.Length, forty.Length));
        Assert.True(forty[0].Y > twenty[0].Y, "the rows are counted downwards");
        Assert.True(forty[1].X > twenty[1].X, "the columns are counted to the right");

        // transform="translate(179.169 86.6031)"
        static double[] Place(XElement text) =>
            [.. text.Attribute("transform")!.Value.Split('(', ')')[1].Split(' ', ',').Take(2).Select(n => double.Parse(n, CultureInfo.InvariantCulture))];
    }
}
