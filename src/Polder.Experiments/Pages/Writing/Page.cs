namespace Polder.Experiments.Pages;

/// <summary>
/// A page for people: one HTML file that needs nothing else, with charts, pictures and tables of a run, a comparison or a measurement. No request
/// leaves it, which a policy in the page holds the browser to.
/// </summary>
public sealed class Page
{
    private string? _html;

    internal Page(string kind, string title, string lead, IReadOnlyList<PageSection> sections) =>
        (Kind, Title, Lead, Sections) = (kind, title, lead, sections);

    /// <summary>What it is of: run, comparison, tuning, a measurement's command, or folder.</summary>
    public string Kind { get; }

    /// <summary>The title.</summary>
    public string Title { get; }

    /// <summary>What was found, in plain words.</summary>
    public string Lead { get; }

    /// <summary>Its content as HTML.</summary>
    public string Html => _html ??= new PageWriter().Write(this);

    /// <summary>The figures below the lead.</summary>
    internal IReadOnlyList<PageFigure> Figures { get; init; } = [];

    /// <summary>What to be careful about, below the lead.</summary>
    internal IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The sections.</summary>
    internal IReadOnlyList<PageSection> Sections { get; }

    /// <summary>The result that it shows, for programs; null without one.</summary>
    internal object? Data { get; init; }

    /// <summary>The last line: what made it.</summary>
    internal string Footer { get; init; } = "";

    /// <summary>Writes the page; the file appears whole or not at all.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <returns>Its size in bytes.</returns>
    public long Write(string path)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(Html);
        // Processes that share a study may all end at the same time.
        AtomicFile.WriteShared(path, stream => stream.Write(bytes));
        return bytes.Length;
    }
}
