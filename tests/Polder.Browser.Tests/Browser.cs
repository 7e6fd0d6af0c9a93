using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Polder.Browser.Tests.Browser))]

namespace Polder.Browser.Tests;

/// <summary>The installed browser, one for all tests; where there is none, each says so and is skipped.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    private static string? Executable => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(_ => Names, Path.Combine).FirstOrDefault(File.Exists);

    public async ValueTask InitializeAsync()
    {
        if (Executable is not { } executable)
            return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = executable, Args = ["--no-sandbox"] });
    }

    /// <summary>Opens a page from its file, as a person does, and tells what the browser complained of and asked the network for.</summary>
    public async Task<OpenedPage> Open(string file, int width = 1280, bool dark = false)
    {
        Assert.SkipWhen(_browser is null, $"needs a browser, one of {string.Join(", ", Names)} (apt-get install chromium)");
        IBrowserContext context = await _browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
        });
        IPage page = await context.NewPageAsync();
        var opened = new OpenedPage(context, page);
        await page.GotoAsync(new Uri(file).AbsoluteUri);
        return opened;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}

/// <summary>A page in the browser.</summary>
public sealed class OpenedPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    public OpenedPage(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.Console += (_, message) => Complaints.Add($"{message.Type}: {message.Text}");
        page.PageError += (_, error) => Complaints.Add(error);
        page.Dialog += async (_, dialog) =>
        {
            Complaints.Add("dialog: " + dialog.Message);
            await dialog.DismissAsync();
        };
        page.Request += (_, request) => Requests.Add(request.Url);
    }

    public IPage Page { get; }

    /// <summary>What was written to the console, thrown, or shown in a dialog.</summary>
    public List<string> Complaints { get; } = [];

    /// <summary>Everything that was asked for, but what is in the page itself.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Fails where the browser complained, or asked for anything but the file.</summary>
    public void RequireQuiet()
    {
        Assert.Empty(Complaints);
        string only = Assert.Single(Requests, url => !url.StartsWith("data:", StringComparison.Ordinal));
        Assert.StartsWith("file:", only, StringComparison.Ordinal);
    }

    /// <summary>How many colors the pixels of each canvas have; an empty one has a single one.</summary>
    public Task<int[]> ColorsOfCharts() => Page.EvaluateAsync<int[]>(
        """
        () => [...document.querySelectorAll('canvas')].map(canvas => {
            const bytes = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
            return new Set(bytes).size;
        })
        """);

    /// <summary>How far the page is wider than the window.</summary>
    public Task<int> Overflow() => Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - document.documentElement.clientWidth");

    public ValueTask DisposeAsync() => _context.DisposeAsync();
}
