using System.Security.Cryptography;
using System.Text;

namespace Polder.Experiments.Pages;

/// <summary>A style or script that every page has within itself.</summary>
internal sealed class PageResource
{
    private PageResource(string text) =>
        (Text, Hash) = (text, $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'");

    /// <summary>How a page looks.</summary>
    public static PageResource Style => Styles.Value;

    /// <summary>What a page does.</summary>
    public static PageResource Script => Scripts.Value;

    /// <summary>Chart.js.</summary>
    public static PageResource Charts => Libraries.Value;

    /// <summary>The text of the file.</summary>
    public string Text { get; }

    /// <summary>Its hash as a page's policy names it.</summary>
    public string Hash { get; }

    private static readonly Lazy<PageResource> Styles = new(() => new(Read("page.css"))), Scripts = new(() => new(Read("page.js"))),
        Libraries = new(() => new(WithoutSourceMap(Read("chart.umd.min.js"))));

    // It would only be looked for, and is not there.
    private static string WithoutSourceMap(string script) =>
        script.LastIndexOf("//# sourceMappingURL=", StringComparison.Ordinal) is var at and >= 0 ? script[..at] : script;

    private static string Read(string name)
    {
        using Stream stream = typeof(PageResource).Assembly.GetManifestResourceStream("Polder.Experiments.Pages." + name)
            ?? throw new InvalidOperationException($"{name} is not in the assembly");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        // One form of line ends, which hashes are of: browsers make it of any.
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
