using System.Text.RegularExpressions;
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
    public void Every_test_that_the_guarantees_name_is_there()
    {
        string[] named = [.. Regex.Matches(File.ReadAllText(Path.Combine(SharedFiles.Repository, "docs", "trust.md")), "`([A-Z]\\w+_\\w+)`")
            .Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(named);
        string tests = string.Concat(Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository, "tests"), "*.cs", SearchOption.AllDirectories)
            .Select(File.ReadAllText));
        Assert.All(named, name => Assert.Contains($" {name}(", tests, StringComparison.Ordinal));
    }

    private static string[] Between(string[] lines, Predicate<string> first, Predicate<string> last)
    {
        int begin = Array.FindIndex(lines, first);
        Assert.True(begin >= 0);
        return lines[(begin + 1)..Array.FindIndex(lines, begin + 1, last)];
    }
}
