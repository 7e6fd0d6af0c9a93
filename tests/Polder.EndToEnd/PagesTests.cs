using System.Text.RegularExpressions;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>The pages and the code of the repository can be read in any editor, and the pages' links lead somewhere.</summary>
public partial class PagesTests
{
    private const int Columns = 160;

    private static readonly string[] Rooms = ["src", "tests", "bench", "samples", "docs"];

    [Fact]
    public void Lines_fit_on_a_screen()
    {
        string[] tooLong = [.. Files("*.cs").SelectMany(file => LongLines(file, _ => false)), .. Files("*.md").SelectMany(file => LongLines(file, MayBeLong))];
        Assert.True(tooLong.Length == 0, $"longer than {Columns} columns:\n{string.Join('\n', tooLong)}");
    }

    [Fact]
    public void Links_lead_to_files_and_headings()
    {
        (string File, string Target)[] links =
        [
            .. Files("*.md").SelectMany(file => Link().Matches(WithoutCode(file)).Select(match => (file, match.Groups[1].Value)))
                .Where(link => !link.Value.Contains(':', StringComparison.Ordinal)),
        ];
        Assert.True(links.Length > 100);
        string[] broken = [.. links.Where(link => !Leads(link.File, link.Target)).Select(link => $"{Name(link.File)} links to {link.Target}")];
        Assert.True(broken.Length == 0, $"not there:\n{string.Join('\n', broken)}");
    }

    [Theory]
    [InlineData("docs/results/recipe.md", "../cli.md", true)]
    [InlineData("docs/results/recipe.md", "../cli.md#polder-report", true)]
    [InlineData("docs/results/recipe.md", "../cli.md#polder-reports", false)]
    [InlineData("docs/results/recipe.md", "#beside-mlnet", true)]
    [InlineData("docs/results/recipe.md", "cli.md", false)]
    public void The_test_sees_a_link_that_leads_nowhere(string file, string target, bool leads) =>
        Assert.Equal(leads, Leads(Path.Combine(SharedFiles.Repository, file), target));

    private static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(SharedFiles.Repository, pattern)
            .Concat(Rooms.Select(room => Path.Combine(SharedFiles.Repository, room)).Where(Directory.Exists)
                .SelectMany(room => Directory.EnumerateFiles(room, pattern, SearchOption.AllDirectories)))
            // A licence is as somebody else wrote it.
            .Where(file => !file.Contains("LICENSE", StringComparison.Ordinal) && !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));

    // Tables, code, and what has no blank to break at outside code.
    private static bool MayBeLong(string line) =>
        line.StartsWith('|') || line.StartsWith("    ", StringComparison.Ordinal) || !CodeSpan().Replace(line, "").Contains(' ', StringComparison.Ordinal);

    private static IEnumerable<string> LongLines(string file, Predicate<string> mayBeLong) =>
        File.ReadLines(file).Select((line, i) => (line, i)).Where(l => l.line.Length > Columns && !mayBeLong(l.line))
            .Select(l => $"{Name(file)}:{l.i + 1}: {l.line.Length}");

    private static bool Leads(string file, string target)
    {
        string[] parts = target.Split('#', 2);
        string path = parts[0].Length == 0 ? file : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, parts[0]));
        if (parts.Length == 1 || !path.EndsWith(".md", StringComparison.Ordinal))
            return Path.Exists(path);
        return File.Exists(path) && File.ReadLines(path).Where(line => line.StartsWith('#')).Any(line => AnchorOf(line) == parts[1]);
    }

    // As GitHub makes it: small letters, no punctuation, a hyphen for a blank.
    private static string AnchorOf(string heading) =>
        NoPunctuation().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    private static string WithoutCode(string file) =>
        string.Join('\n', File.ReadLines(file).Where(line => !line.StartsWith("    ", StringComparison.Ordinal)).Select(line => CodeSpan().Replace(line, "")));

    private static string Name(string file) => Path.GetRelativePath(SharedFiles.Repository, file);

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"[^\p{L}\p{N}_\- ]")]
    private static partial Regex NoPunctuation();

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex CodeSpan();
}
