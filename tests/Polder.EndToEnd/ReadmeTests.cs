using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>What the README shows is what is compiled and what is there.</summary>
public class ReadmeTests
{
    private static readonly string[] Readme = File.ReadAllLines(Path.Combine(SharedFiles.Repository, "README.md"));

    [Fact]
    public void Readme_code_is_the_compiled_sample()
    {
        string[] shown = Between(Readme, line => line == "```csharp", line => line == "```");
        string[] compiled = Between(
            File.ReadAllLines(Path.Combine(SharedFiles.Repository, "samples", "QuickStart", "Program.cs")), line => line == "// begin",
            line => line == "// end");
        Assert.NotEmpty(compiled);
        Assert.Equal(compiled, shown);
    }

    [Fact]
    public void Readme_links_lead_to_files()
    {
        string[] targets = [.. Readme
            .SelectMany(line => System.Text.RegularExpressions.Regex.Matches(line, @"\]\(([^)#:]+)\)").Select(match => match.Groups[1].Value))];
        Assert.NotEmpty(targets);
        Assert.All(targets, target =>
            Assert.True(Path.Exists(Path.Combine(SharedFiles.Repository, target)), $"README.md links to {target}, which is not there"));
    }

    private static string[] Between(string[] lines, Predicate<string> first, Predicate<string> last)
    {
        int begin = Array.FindIndex(lines, first);
        Assert.True(begin >= 0);
        return lines[(begin + 1)..Array.FindIndex(lines, begin + 1, last)];
    }
}
