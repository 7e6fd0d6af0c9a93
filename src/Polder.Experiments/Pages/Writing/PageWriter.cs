using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Polder.Experiments.Pages;

/// <summary>
/// Writes a page as HTML. Every text goes through <see cref="Text"/>, every value into blocks of JSON without a character that HTML reads; style and
/// scripts are the page's own, and the policy names them by their hashes.
/// </summary>
internal sealed class PageWriter
{
    private const int Levels = 10;

    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    // < > & ' become escapes, so that nothing in a value ends the block.
    private static readonly JsonSerializerOptions Json = new(ResultJson.Options)
    {
        WriteIndented = false,
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
    };

    private readonly StringBuilder _html = new();
    private readonly Dictionary<string, object> _charts = [];

    /// <summary>The text of the file.</summary>
    public string Write(Page page)
    {
        _html.Append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        string scripts = $"{PageResource.Charts.Hash} {PageResource.Script.Hash}";
        _html.Append(CultureInfo.InvariantCulture,
            $"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src {PageResource.Style.Hash}; ")
            .Append(CultureInfo.InvariantCulture, $"script-src {scripts}; ")
            .Append("base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Append("<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n");
        Element("title", "", $"{page.Title} - Polder");
        _html.Append("\n<style>").Append(PageResource.Style.Text).Append("</style>\n</head>\n<body>\n");
        _html.Append("<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header class=\"top\">\n<div class=\"wide\">\n");
        _html.Append("<p class=\"brand\"><svg width=\"34\" height=\"18\" viewBox=\"0 0 34 18\" aria-hidden=\"true\"><path class=\"sea\" ")
            .Append("d=\"M1 2c4 0 5 12 9 12h14c4 0 5-12 9-12\"/><path class=\"land\" d=\"M9 16.5h16\"/></svg>");
        _html.Append("<span>Polder</span> <span class=\"kind\">").Append(Text(page.Kind)).Append("</span></p>\n");
        Element("h1", " dir=\"auto\"", page.Title);
        Element("p", " class=\"lead\" dir=\"auto\"", page.Lead);
        foreach (string warning in page.Warnings)
            Block(new PageText(warning) { IsWarning = true });
        if (page.Figures.Count > 0)
            Block(new PageFigures(page.Figures));
        if (page.Sections.Count > 2)
        {
            _html.Append("<nav aria-label=\"Sections\"><ul>");
            foreach ((int i, PageSection section) in page.Sections.Index())
                _html.Append(CultureInfo.InvariantCulture, $"<li><a href=\"#s{i}\">{Text(section.ShortTitle ?? section.Title)}</a></li>");
            _html.Append("</ul></nav>\n");
        }
        _html.Append("</div>\n</header>\n<main id=\"main\" class=\"wide\" tabindex=\"-1\">\n");
        foreach ((int i, PageSection section) in page.Sections.Index())
        {
            _html.Append(CultureInfo.InvariantCulture, $"<section id=\"s{i}\" aria-labelledby=\"t{i}\">\n");
            Element("h2", $" id=\"t{i}\"", section.Title);
            foreach (PageBlock block in section.Blocks)
                Block(block);
            _html.Append("</section>\n");
        }
        _html.Append("</main>\n<footer class=\"wide\">");
        Element("p", "", page.Footer);
        _html.Append("</footer>\n");
        Data("polder-charts", _charts);
        if (page.Data is not null)
            Data("polder-result", page.Data);
        return _html.Append("<script>").Append(PageResource.Charts.Text).Append("</script>\n<script>").Append(PageResource.Script.Text)
            .Append("</script>\n</body>\n</html>\n").ToString();
    }

    private void Block(PageBlock block)
    {
        switch (block)
        {
            case PageText text:
                Element("p", text.IsWarning ? " class=\"warning\" dir=\"auto\"" : " dir=\"auto\"", text.Text);
                break;
            case PageFigures figures:
                _html.Append("<dl class=\"figures\">");
                foreach (PageFigure figure in figures.Figures)
                {
                    _html.Append("<div>");
                    Element("dt", "", figure.Label);
                    Element("dd", " class=\"value\"", figure.Value);
                    if (figure.Detail.Length > 0)
                        Element("dd", " class=\"detail\"", figure.Detail);
                    _html.Append("</div>");
                }
                _html.Append("</dl>\n");
                break;
            case PageEntries entries:
                _html.Append("<dl class=\"entries\">");
                foreach ((string name, string value) in entries.Entries)
                {
                    Element("dt", "", name);
                    Element("dd", " dir=\"auto\"", value);
                }
                _html.Append("</dl>\n");
                break;
            case PageTable table:
                Folded(table.Folded, () => Table(table));
                break;
            case PageCode code:
                Folded(code.Folded, () =>
                {
                    _html.Append(CultureInfo.InvariantCulture, $"<div class=\"code\"><button type=\"button\" class=\"copy\">Copy</button>");
                    _html.Append(CultureInfo.InvariantCulture,
                        $"<pre tabindex=\"0\" aria-label=\"{Text(code.Label)}\"><code>{Text(code.Text)}</code></pre></div>\n");
                });
                break;
            case PageColumns columns:
                _html.Append("<div class=\"columns\">\n");
                foreach (PageBlock inner in columns.Blocks)
                {
                    _html.Append("<div>");
                    Block(inner);
                    _html.Append("</div>\n");
                }
                _html.Append("</div>\n");
                break;
            case PageChart chart:
                Chart(chart);
                break;
            case PageMatrix matrix:
                Matrix(matrix);
                break;
            case PageSurface surface:
                Surface(surface);
                break;
            case PagePictures pictures:
                Pictures(pictures);
                break;
            default:
                throw new InvalidOperationException($"a page has no way to write {block.GetType().Name}");
        }
    }

    private void Folded(string? summary, Action content)
    {
        if (summary is null)
        {
            content();
            return;
        }
        _html.Append("<details>");
        Element("summary", "", summary);
        content();
        _html.Append("</details>\n");
    }

    private void Table(PageTable page)
    {
        (int Index, ResultColumn Column)[] columns = [.. page.Table.ColumnsIn(ResultPlace.Wide)];
        Region(page.Caption, "sortable");
        _html.Append("<thead><tr>");
        foreach ((int i, ResultColumn column) in columns)
        {
            _html.Append(IsNumeric(page.Table, i) ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">");
            if (column.Title.Length > 0)
                _html.Append("<button type=\"button\">").Append(Text(column.Title)).Append("</button>");
            _html.Append("</th>");
        }
        _html.Append("</tr></thead>\n<tbody>\n");
        foreach ((int r, IReadOnlyList<ResultCell> row) in page.Table.Rows.Index())
        {
            _html.Append("<tr>");
            foreach ((int place, (int i, _)) in columns.Index())
            {
                ResultCell cell = row[i];
                string value = cell.Values.Count > 0 && Number(cell.Values[0]) is { } number
                    ? $" data-value=\"{number.ToString("R", CultureInfo.InvariantCulture)}\"" : "";
                string style = IsNumeric(page.Table, i) ? " class=\"number\"" : " dir=\"auto\"";
                _html.Append(place == 0 ? $"<th scope=\"row\"{style}{value}>" : $"<td{style}{value}>");
                string text = cell.StandsOut ? $"<strong>{Text(cell.Text)}</strong>" : Text(cell.Text);
                _html.Append(place == 0 && page.Links?[r] is { } link ? $"<a href=\"{Text(link)}\">{text}</a>" : text);
                _html.Append(place == 0 ? "</th>" : "</td>");
            }
            _html.Append("</tr>\n");
        }
        _html.Append("</tbody></table></div>\n");
    }

    // The caption stands above the part that scrolls, and is as wide as the page.
    private void Region(string caption, string table)
    {
        Element("p", " class=\"caption\"", caption);
        _html.Append(CultureInfo.InvariantCulture,
            $"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{Text(caption)}\"><table class=\"{table}\" aria-label=\"{Text(caption)}\">");
    }

    private void Chart(PageChart chart)
    {
        string id = $"c{_charts.Count}";
        _charts[id] = chart.ToData();
        _html.Append(CultureInfo.InvariantCulture, $"<figure class=\"chart{(chart.IsWide ? " whole" : "")}\">");
        Element("figcaption", "", chart.Title);
        _html.Append(CultureInfo.InvariantCulture, $"<div class=\"canvas\"><canvas id=\"{id}\" role=\"img\" aria-label=\"{Text(chart.Alt)}\"></canvas></div>");
        _html.Append(CultureInfo.InvariantCulture, $"<details class=\"values\" data-chart=\"{id}\"><summary>Values as a table</summary></details></figure>\n");
    }

    private void Matrix(PageMatrix matrix)
    {
        Region(matrix.Caption, "matrix");
        _html.Append("<thead><tr><td class=\"corner\">true \\ predicted</td>");
        foreach (string column in matrix.Columns)
            Element("th", " scope=\"col\" dir=\"auto\"", column, "<span>", "</span>");
        _html.Append("</tr></thead><tbody>\n");
        foreach ((int r, string row) in matrix.Rows.Index())
        {
            _html.Append("<tr>");
            Element("th", " scope=\"row\" dir=\"auto\"", row);
            for (int c = 0; c < matrix.Columns.Count; c++)
            {
                long count = matrix.Counts[r][c];
                // A single error among many is to be seen, too.
                int level = count == 0 || matrix.Totals[r] == 0 ? 0 : Math.Clamp((int)Math.Round((double)Levels * count / matrix.Totals[r]), 1, Levels);
                _html.Append(CultureInfo.InvariantCulture, $"<td class=\"h{level}{(r == c ? " right" : "")}\"")
                    .Append(count == 0 ? ">" : $" title=\"{Text($"{row} taken for {matrix.Columns[c]}: {count} of {matrix.Totals[r]}")}\">")
                    .Append(count == 0 ? "" : count.ToString(CultureInfo.InvariantCulture)).Append("</td>");
            }
            _html.Append("</tr>\n");
        }
        _html.Append("</tbody></table></div>\n");
    }

    private void Surface(PageSurface surface)
    {
        _html.Append("<figure class=\"chart\">");
        Element("figcaption", "", surface.Title);
        _html.Append(SurfacePicture.Of(surface, Text(surface.Alt)));
        Element("p", " class=\"scale\"", string.Create(CultureInfo.InvariantCulture,
            $"Both axes from {surface.Positions[0]:G3} to {surface.Positions[^1]:G3}; the cross is the trained weights; dark is low."));
        _html.Append("</figure>\n");
    }

    private void Pictures(PagePictures pictures)
    {
        _html.Append("<ul class=\"pictures\">");
        foreach (PagePicture picture in pictures.Pictures)
        {
            _html.Append("<li><figure>");
            if (picture.Uri is { } uri)
                _html.Append(CultureInfo.InvariantCulture, $"<img src=\"{Text(uri)}\" alt=\"{Text(picture.Alt)}\"")
                    .Append(uri.StartsWith("data:image/png", StringComparison.Ordinal) ? " class=\"exact\">" : ">");
            else
                Element("p", " class=\"gone\"", picture.Alt);
            _html.Append("<figcaption>");
            Element("span", picture.IsWrong ? " class=\"wrong\" dir=\"auto\"" : " class=\"said\" dir=\"auto\"", picture.Title);
            if (picture.Detail.Length > 0)
                Element("span", " dir=\"auto\"", picture.Detail);
            _html.Append("</figcaption></figure></li>");
        }
        _html.Append("</ul>\n");
    }

    private void Data(string id, object value) =>
        _html.Append(CultureInfo.InvariantCulture,
            $"<script type=\"application/json\" id=\"{id}\">{JsonSerializer.Serialize(value, value.GetType(), Json)}</script>\n");

    private void Element(string name, string attributes, string text, string before = "", string after = "") =>
        _html.Append('<').Append(name).Append(attributes).Append('>').Append(before).Append(Text(text)).Append(after).Append("</").Append(name).Append('>');

    private static string Text(string text) => Encoder.Encode(text);

    private static bool IsNumeric(ResultTable table, int column) =>
        table.Rows.Any(row => row[column].Values.Count > 0 && Number(row[column].Values[0]) is not null)
        && table.Rows.All(row => row[column].Text.Length == 0 || (row[column].Values.Count > 0 && row[column].Values[0] is not string));

    private static double? Number(object? value) => value switch
    {
        null or string or bool => null,
        IConvertible number when double.IsFinite(number.ToDouble(CultureInfo.InvariantCulture)) => number.ToDouble(CultureInfo.InvariantCulture),
        _ => null,
    };
}
