using System.Diagnostics;
using System.Text.RegularExpressions;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>The guides' commands are run and their code is compiled, in the order of the page; what they show is what is printed, numbers aside.</summary>
public sealed class GuideTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-guide-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Fine_tuning_in_ten_minutes()
    {
        string[] page = Page("fine-tuning-in-ten-minutes.md");
        PrepareImagesAndWeights(page);
        string printed = "";
        int commands = 0;
        foreach ((string kind, string[] lines) in Blocks(page))
        {
            if (kind == "sh")
                printed = string.Concat(lines.Select(Execute));
            if (kind == "text")
                AssertShows(lines, printed);
        }
        Assert.Equal(9, commands);
        string[] files = [.. page.Select(line => Regex.Match(line, @"^\| `([^`]+)` \|")).Where(m => m.Success).Select(m => m.Groups[1].Value)];
        Assert.Equal(
            Directory.GetFileSystemEntries(In("runs/finetune-1")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal),
            files.Order(StringComparer.Ordinal));
        Assert.True(File.Exists(In("butterflies.pth")));

        string Execute(string line)
        {
            string[] words = line.Split(' ');
            Assert.Equal("polder", words[0]);
            (int code, string output, string error) = PolderProcess.RunIn(_folder, words[1..]);
            Assert.True(code == 0, $"{line}: exit code {code}\n{error}");
            commands++;
            return output;
        }
    }

    [Fact]
    public void Your_own_network_and_loop()
    {
        string[] page = Page("your-own-network-and-loop.md");
        var code = new Dictionary<string, List<string[]>>();
        string file = "";
        foreach ((string kind, string[] lines) in Blocks(page, named: name => file = name))
        {
            if (kind == "csharp")
                (code.TryGetValue(file, out List<string[]>? blocks) ? blocks : code[file] = []).Add(lines);
        }
        string sample = Path.Combine(SharedFiles.Repository, "samples", "OwnLoop");
        Assert.Equal(Directory.GetFiles(sample, "*.cs").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal),
            code.Keys.Order(StringComparer.Ordinal));
        Assert.All(code, entry => Assert.Equal(
            File.ReadAllText(Path.Combine(sample, entry.Key)).TrimEnd(), string.Join("\n\n", entry.Value.Select(block => string.Join('\n', block)))));

        (string printed, string error) = RunSample("OwnLoop");
        AssertShows([.. Blocks(page).Where(b => b.Kind == "text").SelectMany(b => b.Lines)], printed);
        Assert.Contains("bit for bit: True", printed);
        Assert.Contains("the same run: True", printed);
        if (OperatingSystem.IsLinux()) // ProcessSetup.Apply came before libtorch's threads read it
            Assert.Contains("GOMP_SPINCOUNT = '10000'", error);
        // Three classes, so 33 % by chance.
        Assert.All(Regex.Matches(printed, @"([0-9.]+) %").Select(m => double.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)),
            share => Assert.InRange(share, 80, 100));
    }

    [Fact]
    public void Recipes_from_code()
    {
        string[] page = Page("recipes-from-code.md");
        (_, string[] code) = Assert.Single(Blocks(page), b => b.Kind == "csharp");
        Assert.Equal(File.ReadAllText(Path.Combine(SharedFiles.Repository, "samples", "Recipes", "Program.cs")).TrimEnd(), string.Join('\n', code));
        string printed = RunSample("Recipes").Output;
        AssertShows([.. Blocks(page).Where(b => b.Kind == "text").SelectMany(b => b.Lines)], printed);
        Assert.Contains("the same run: True", printed);
        MatchCollection shares = Regex.Matches(printed, @"([0-9.]+) ?%");
        // Five classes, so 20 % by chance. The classifier that was opened is the one that was trained.
        Assert.All(shares.Select(m => double.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)),
            share => Assert.InRange(share, 60, 100));
        Assert.Equal(shares[0].Value, shares[1].Value);
    }

    [Fact]
    public void The_readme_s_sample_runs() => Assert.Matches(@"^test accuracy [0-9.]+ ?%\n$", RunSample("QuickStart").Output);

    // The classes that the page names, each a shade; the weights under the name that it uses.
    private void PrepareImagesAndWeights(string[] page)
    {
        string[] classes = [.. page.SelectMany(line => Regex.Matches(line, @"\b0[01][0-9]_[A-Z][a-z]+_[a-z]+").Select(m => m.Value)).Distinct()
            .Order(StringComparer.Ordinal)];
        Assert.InRange(classes.Length, 5, 10);
        MiniatureImages.Write(In("made"), classes.Length, perClass: 4);
        Directory.CreateDirectory(In("photos"));
        Directory.CreateDirectory(In("new-photos"));
        for (int c = 0; c < classes.Length; c++)
            Directory.Move(In($"made/class{c}"), In($"photos/{classes[c]}"));
        foreach ((int c, string name) in ((string[])["one", "two", "three"]).Index())
            File.Move(In($"photos/{classes[c]}/00.bmp"), In($"new-photos/{name}.jpg"));
        string cifar = MiniatureCifar.Write(In("cifar"));
        Assert.Equal(0, PolderProcess.RunIn(_folder, "finetune", "--data", cifar, "--arch", "resnet20", "--method", "base", "--epochs", "1",
            "--out", "pretrained").ExitCode);
        Assert.Equal(0, PolderProcess.RunIn(_folder, "convert", "pretrained/best.safetensors", "resnet20-12fca82f.th").ExitCode);
    }

    private (string Output, string Error) RunSample(string name)
    {
        string framework = new DirectoryInfo(AppContext.BaseDirectory).Name, configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string program = Path.Combine(SharedFiles.Repository, "samples", name, "bin", configuration, framework, name + ".dll");
        using Process process = PolderProcess.StartDotNet([program], _folder, threads: 1, displayThreading: true);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(2)), $"{name} does not end");
        Assert.True(process.ExitCode == 0, error.Result);
        return (output.Result, error.Result);
    }

    // Every line of the page is a line that was printed, in its order; "..." stands for anything, and numbers, rules and widths may differ.
    private static void AssertShows(string[] shown, string printed)
    {
        string[] lines = [.. printed.Split('\n').Select(Shape)];
        int at = 0;
        foreach (string line in shown.Select(Shape).Where(line => line.Length > 0 && line != "..."))
        {
            int found = Array.FindIndex(lines, at, candidate => line.EndsWith("...", StringComparison.Ordinal)
                ? candidate.StartsWith(line[..^3], StringComparison.Ordinal)
                : candidate == line);
            Assert.True(found >= 0, $"the page shows\n{line}\nbut the program prints\n{printed}");
            at = found + 1;
        }
    }

    private static string Shape(string line)
    {
        // What a class was taken for depends on the images.
        string text = Regex.Replace(line, @"(?<=#|[0-9]) +0[01][0-9]_\w+ \([0-9]+\)|(?<=[0-9] %,) 0[01][0-9]_\w+|(?<=jpg +)0[01][0-9]_\w+", " ");
        text = Regex.Replace(text, @"[0-9]+(\.[0-9]+)?", "#");
        return Regex.Replace(text, @"\s+", " ").Replace("─", "").Trim();
    }

    private static string[] Page(string name) => File.ReadAllLines(Path.Combine(SharedFiles.Repository, "docs", "guides", name));

    private static IEnumerable<(string Kind, string[] Lines)> Blocks(string[] page, Action<string>? named = null)
    {
        for (int i = 0; i < page.Length; i++)
        {
            if (Regex.Match(page[i], @"^`(\w+\.cs)`$") is { Success: true } name)
                named?.Invoke(name.Groups[1].Value);
            if (!page[i].StartsWith("```", StringComparison.Ordinal))
                continue;
            int end = Array.IndexOf(page, "```", i + 1);
            yield return (page[i][3..], page[(i + 1)..end]);
            i = end;
        }
    }

    private string In(string path) => Path.Combine(_folder, path);
}
