using Microsoft.Playwright;

namespace Polder.Browser.Tests;

public class PageTests(Browser browser, Samples samples)
{
    [Theory]
    [InlineData("run/report.html", 7, 1280, false)]
    [InlineData("run/report.html", 7, 375, true)]
    [InlineData("compare.html", 5, 1280, true)]
    [InlineData("compare.html", 5, 375, false)]
    [InlineData("tune.html", 3, 375, true)]
    [InlineData("hessian.html", 3, 375, false)]
    [InlineData("report.html", 0, 375, true)]
    [InlineData("classes.html", 1, 375, false)]
    public async Task A_page_opens_from_its_file_asks_for_nothing_draws_its_charts_and_fits_the_window(string name, int leastCharts, int width, bool dark)
    {
        await using OpenedPage opened = await browser.Open(samples[name], width, dark);
        int[] colors = await opened.ColorsOfCharts();
        Assert.True(colors.Length >= leastCharts, $"{colors.Length} charts");
        // Lines, words and grid: what is left blank has one color.
        Assert.All(colors, c => Assert.True(c > 10, $"{c} colors"));
        Assert.Equal(0, await opened.Overflow());
        opened.RequireQuiet();
    }

    [Fact]
    public async Task The_colors_follow_the_scheme()
    {
        await using OpenedPage light = await browser.Open(samples["run/report.html"]), dark = await browser.Open(samples["run/report.html"], dark: true);
        const string back = "() => getComputedStyle(document.body).backgroundColor", ink = "() => getComputedStyle(document.querySelector('h1')).color";
        Assert.NotEqual(await light.Page.EvaluateAsync<string>(back), await dark.Page.EvaluateAsync<string>(back));
        Assert.NotEqual(await light.Page.EvaluateAsync<string>(ink), await dark.Page.EvaluateAsync<string>(ink));
    }

    [Theory]
    [InlineData("run/report.html", false)]
    [InlineData("run/report.html", true)]
    [InlineData("compare.html", false)]
    [InlineData("compare.html", true)]
    public async Task Texts_have_the_contrast_that_accessibility_asks_for(string name, bool dark)
    {
        await using OpenedPage opened = await browser.Open(samples[name], dark: dark);
        // WCAG 2.1 AA: 4.5 to 1, of large text 3 to 1. The background is the nearest one that is painted, laid over those behind it.
        string[] weak = await opened.Page.EvaluateAsync<string[]>(
            """
            () => {
              const numbers = color => (color.match(/[\d.]+/g) || []).map(Number);
              const light = c => { const v = c.map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * v[0]
                  + 0.7152 * v[1] + 0.0722 * v[2]; };
              const back = element => {
                const layers = [];
                for (let e = element; e; e = e.parentElement) {
                  const c = numbers(getComputedStyle(e).backgroundColor);
                  if (c.length === 3) { layers.push([...c, 1]); break; }
                  if (c[3] > 0) layers.push(c);
                }
                let color = [255, 255, 255];
                for (const l of layers.reverse()) color = color.map((v, i) => v * (1 - l[3]) + l[i] * l[3]);
                return color;
              };
              const weak = [];
              for (const e of document.querySelectorAll('body *')) {
                if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.getClientRects().length || e.closest('.skip')) continue;
                const style = getComputedStyle(e), a = light(numbers(style.color).slice(0, 3)), b = light(back(e));
                const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
                if (ratio < (size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3
                    : 4.5)) weak.push(`${e.tagName}.${e.className} ${e.textContent.slice(0, 20)}: ${ratio.toFixed(2)}`);
              }
              return [...new Set(weak)];
            }
            """);
        Assert.Empty(weak);
    }

    [Fact]
    public async Task A_heading_sorts_its_table_by_mouse_and_by_key()
    {
        await using OpenedPage opened = await browser.Open(samples["run/report.html"]);
        ILocator table = opened.Page.Locator("table.sortable", new() { HasText = "most often taken for" });
        ILocator heading = table.Locator("thead th", new() { HasText = "recall" });
        async Task<double[]> Recalls() => await table.EvaluateAsync<double[]>("t => [...t.tBodies[0].rows].map(r => Number(r.cells[2].dataset.value))");
        double[] before = await Recalls();
        Assert.True(before.Distinct().Count() > 1);
        await heading.Locator("button").ClickAsync();
        Assert.Equal(before.Order(), await Recalls());
        Assert.Equal("ascending", await heading.GetAttributeAsync("aria-sort"));
        await heading.Locator("button").FocusAsync();
        await opened.Page.Keyboard.PressAsync("Enter");
        Assert.Equal(before.OrderDescending(), await Recalls());
        Assert.Equal("descending", await heading.GetAttributeAsync("aria-sort"));
        opened.RequireQuiet();
    }

    [Fact]
    public async Task The_index_sorts_with_what_is_missing_below_and_leads_to_the_pages()
    {
        await using OpenedPage opened = await browser.Open(samples["report.html"]);
        ILocator table = opened.Page.Locator("table.sortable").First;
        for (int times = 0; times < 2; times++)
        {
            await table.Locator("thead th", new() { HasText = "seconds" }).Locator("button").ClickAsync();
            string[] cells = await table.EvaluateAsync<string[]>("t => [...t.tBodies[0].rows].map(r => r.cells[9].textContent)");
            Assert.Equal(4, cells.Length);
            Assert.Equal("", cells[^1]); // the run that the library made keeps no time
        }
        await opened.Page.GetByRole(AriaRole.Link, new() { Name = "compare.json" }).ClickAsync();
        Assert.EndsWith("compare.html", opened.Page.Url, StringComparison.Ordinal);
        Assert.Contains("NSO is 2.2 points above SGD, 95 % interval", await opened.Page.Locator(".lead").InnerTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_names_are_shown_and_do_nothing()
    {
        await using OpenedPage opened = await browser.Open(samples["hostile.html"]);
        await opened.Page.Locator("details.values summary").First.ClickAsync();
        await opened.Page.Locator("details.values table").First.WaitForAsync();
        Assert.Equal(Samples.Script, await opened.Page.Locator("h1").InnerTextAsync());
        // Ours are four: two of data, the charts and the page's own.
        Assert.Equal(4, await opened.Page.EvaluateAsync<int>("() => document.scripts.length"));
        Assert.Equal(0, await opened.Page.Locator("img[src=x]").CountAsync());
        Assert.Equal(Samples.Close, await opened.Page.EvaluateAsync<string>("() => JSON.parse(document.getElementById('polder-result').textContent).close"));
        opened.RequireQuiet();
    }

    [Fact]
    public async Task The_policy_stops_what_is_not_the_pages_own()
    {
        await using OpenedPage opened = await browser.Open(samples["compare.html"]);
        await opened.Page.EvaluateAsync(
            """
            () => {
              window.ran = false;
              const script = document.createElement('script');
              script.textContent = 'window.ran = true';
              document.body.appendChild(script);
              const image = document.createElement('img');
              image.src = 'http://127.0.0.1:9/x.png';
              document.body.appendChild(image);
              return fetch('http://127.0.0.1:9/').then(() => 0, () => 0);
            }
            """);
        Assert.False(await opened.Page.EvaluateAsync<bool>("() => window.ran"));
        Assert.Contains(opened.Complaints, c => c.Contains("Content Security Policy", StringComparison.Ordinal) && c.Contains("img-src",
            StringComparison.Ordinal));
        Assert.Contains(opened.Complaints, c => c.Contains("Content Security Policy", StringComparison.Ordinal) && c.Contains("default-src",
            StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_chart_has_words_and_a_table_of_its_values_behind_it()
    {
        await using OpenedPage opened = await browser.Open(samples["compare.html"]);
        string[] words = await opened.Page.EvaluateAsync<string[]>("() => [...document.querySelectorAll('canvas')].map(c => c.getAttribute('aria-label'))");
        Assert.All(words, w => Assert.True(w?.Length > 10, w));
        foreach (ILocator details in await opened.Page.Locator("details.values").AllAsync())
        {
            await details.Locator("summary").FocusAsync();
            await opened.Page.Keyboard.PressAsync("Enter");
            await details.Locator("table").WaitForAsync();
            Assert.True(await details.Locator("tbody tr").CountAsync() > 0);
        }
        opened.RequireQuiet();
    }

    [Fact]
    public async Task Pictures_have_words_and_sizes()
    {
        await using OpenedPage opened = await browser.Open(samples["run/report.html"]);
        string[] broken = await opened.Page.EvaluateAsync<string[]>(
            "() => [...document.images].filter(i => !i.naturalWidth || !i.alt).map(i => i.outerHTML.slice(0, 200))");
        Assert.Empty(broken);
        Assert.True(await opened.Page.Locator("img").CountAsync() > 20);
    }

    [Fact]
    public async Task A_page_prints()
    {
        await using OpenedPage opened = await browser.Open(samples["run/report.html"], dark: true);
        byte[] paper = await opened.Page.PdfAsync(new() { Format = "A4" });
        Assert.True(paper.Length > 20_000);
        opened.RequireQuiet();
    }
}
