using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Polder.Experiments.Pages;
using Polder.Vision.Data;
using Polder.Vision.Training.Metrics;

namespace Polder.Experiments.Tests.Pages;

public sealed partial class PageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-page-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_policy_names_the_pages_own_style_and_scripts_and_nothing_else()
    {
        string html = Sample([]).Html;
        string policy = PolicyPattern().Match(html).Groups[1].Value;
        Assert.StartsWith("default-src 'none'; img-src data:; ", policy, StringComparison.Ordinal);
        string[] named = [.. HashPattern().Matches(policy).Select(m => m.Groups[1].Value)];
        string[] there =
        [
            .. StylePattern().Matches(html).Concat(ScriptPattern().Matches(html))
                .Select(m => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(m.Groups[1].Value)))),
        ];
        Assert.Equal(3, there.Length);
        Assert.Equal(there, named);
        Assert.DoesNotContain("sourceMappingURL", html, StringComparison.Ordinal);
        // Nothing that a policy without 'unsafe-inline' would refuse.
        Assert.DoesNotMatch(InlinePattern(), html);
    }

    [Fact]
    public void Values_of_a_chart_are_in_the_page_and_what_is_not_finite_is_null()
    {
        string html = Sample([new PageChart("t", "alt", new PageAxis("x"), new PageAxis("y"), new PageSeries("</script>", [1, 2, 3], [0.1234567, double.NaN,
            1e-9]))]).Html;
        JsonElement series = JsonDocument.Parse(DataPattern().Match(html).Groups[1].Value).RootElement.GetProperty("c0").GetProperty("series")[0];
        Assert.Equal("</script>", series.GetProperty("name").GetString());
        Assert.Equal("[0.123457,null,1E-09]", series.GetProperty("y").GetRawText());
    }

    [Fact]
    public void A_thousand_classes_have_a_matrix_of_the_worst_confusions_and_a_page_of_a_megabyte()
    {
        const int n = 1000;
        string[] classes = [.. Enumerable.Range(0, n).Select(c => $"class {c}")];
        var confusion = new ConfusionMatrix(n);
        for (int c = 0; c < n; c++)
            for (int i = 0; i < 50; i++)
                confusion.Add(c, i < 45 ? c : (c + i) % n);
        for (int i = 0; i < 30; i++)
            confusion.Add(777, 123);
        Page page = new("evaluation", "many", "", [.. ClassPart.Of(classes, confusion)]);
        PageMatrix matrix = Assert.Single(page.Sections[0].Blocks.OfType<PageMatrix>());
        Assert.True(matrix.Rows.Count <= 20);
        Assert.Contains("class 777", matrix.Rows);
        int row = matrix.Rows.ToList().IndexOf("class 777"), column = matrix.Columns.ToList().IndexOf("class 123");
        Assert.Equal(30, matrix.Counts[row][column]);
        PageTable pairs = page.Sections[0].Blocks.OfType<PageTable>().First();
        Assert.Equal(["class 777", "class 123", "30"], pairs.Table.Rows[0].Take(3).Select(cell => cell.Text));
        Assert.InRange(page.Html.Length, 200_000, 1_000_000);
    }

    [Fact]
    public void Few_classes_are_all_in_the_matrix()
    {
        var confusion = new ConfusionMatrix(2);
        confusion.Add(0, 0);
        confusion.Add(1, 0);
        PageColumns beside = Assert.IsType<PageColumns>(ClassPart.Of(["猫", "狗"], confusion).First().Blocks[0]);
        PageMatrix matrix = Assert.IsType<PageMatrix>(beside.Blocks[0]);
        Assert.Equal(["猫", "狗"], matrix.Rows);
        Assert.Equal([[1, 0], [1, 0]], matrix.Counts.Select(r => r.ToArray()));
        Assert.Contains("狗", Sample([matrix]).Html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no such folder or file", null)]
    [InlineData("is no JSON", "{ \"polder\": ")]
    [InlineData("is no result of polder", "[1, 2]")]
    [InlineData("is no result of polder", "{\"a\": 1}")]
    [InlineData("a result of polder doctor, of which there is no page", "{\"polder\": \"0.2.0\", \"command\": [\"doctor\"]}")]
    [InlineData("is not a result as polder writes it", "{\"polder\": \"0.2.0\", \"command\": [\"compare\"], \"results\": [{\"method\": 3}]}")]
    [InlineData("is not a result as polder writes it", "{\"polder\": \"0.2.0\", \"command\": [\"compare\"]}")]
    [InlineData("is not a result as polder writes it", "{\"polder\": \"0.2.0\", \"command\": [\"tune\"], \"grid\": []}")]
    [InlineData("is not a result as polder writes it", "{\"polder\": \"0.2.0\", \"command\": [\"hessian\"], \"parameters\": \"many\"}")]
    [InlineData("is not a result as polder writes it", "{\"polder\": \"0.2.0\", \"command\": [\"landscape\"], \"positions\": [0, 1], \"losses\": [[1, 2]]}")]
    [InlineData("is not a result as polder writes it", "{\"polder\": \"0.2.0\", \"command\": [\"stability\"], \"results\": null}")]
    [InlineData("is not a result as polder writes it", "{\"polder\": \"0.2.0\", \"command\": [\"bound\"], \"grid\": null}")]
    [InlineData("is not a result as polder writes it",
        "{\"polder\": \"0.2.0\", \"command\": [\"evaluate\"], \"count\": 3, \"classes\": [\"a\", \"b\"], \"confusionMatrix\": [[1]]}")]
    public void What_has_no_page_is_refused_by_name(string words, string? content)
    {
        string file = Path.Combine(_folder, "result.json");
        if (content is not null)
            File.WriteAllText(file, content);
        DataException refused = Assert.ThrowsAny<DataException>(() => ReportPages.Of(file));
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
        Assert.StartsWith(file, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void An_empty_folder_is_refused_and_a_damaged_result_among_others_is_named_in_the_index()
    {
        Assert.Contains("holds no result", Assert.Throws<DataException>(() => ReportPages.Of(_folder)).Message, StringComparison.Ordinal);
        foreach ((string name, double trace) in ((string, double)[])[("a.json", 1.5), ("b.json", 2.5)])
            File.WriteAllText(Path.Combine(_folder, name), $$$"""
                {"polder": "0.2.0", "command": ["hessian"], "parameters": 3, "samples": 2, "loss": 0.5, "products": 4,
                 "trace": {"value": {{{trace}}}, "standardError": 0.1, "products": 4}}
                """);
        File.WriteAllText(Path.Combine(_folder, "c.json"), "{\"polder\": \"0.2.0\", \"command\": [\"tune\"], \"grid\": []}");
        File.WriteAllText(Path.Combine(_folder, "other.json"), "{}");
        Page page = ReportPages.Of(_folder);
        Assert.Equal("folder", page.Kind);
        PageTable table = page.Sections.SelectMany(s => s.Blocks).OfType<PageTable>().Single();
        Assert.Equal(["a.json", "b.json", "c.json"], table.Table.Rows.Select(r => r[0].Text));
        Assert.Equal(["a.html", "b.html", null], table.Links);
        Assert.Contains("trace 1.5", page.Html, StringComparison.Ordinal);
        Assert.Contains("is not a result as polder writes it", table.Table.Rows[2][^1].Text, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder, "b.html")));
    }

    private static Page Sample(IReadOnlyList<PageBlock> blocks) => new("run", "t", "l", [new PageSection("s", blocks)]);

    [GeneratedRegex("Content-Security-Policy\" content=\"([^\"]*)\"")]
    private static partial Regex PolicyPattern();

    [GeneratedRegex("'sha256-([^']*)'")]
    private static partial Regex HashPattern();

    [GeneratedRegex("<style>(.*?)</style>", RegexOptions.Singleline)]
    private static partial Regex StylePattern();

    [GeneratedRegex("<script>(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex ScriptPattern();

    [GeneratedRegex("<script type=\"application/json\" id=\"polder-charts\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex DataPattern();

    [GeneratedRegex("<[a-z][^>]* (style|on[a-z]+)=")]
    private static partial Regex InlinePattern();
}
