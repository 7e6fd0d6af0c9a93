using Polder.Experiments.Comparison;
using Polder.Experiments.Pages;
using Polder.Experiments.Reports;
using Polder.Settings;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using Polder.Vision.Training.Metrics;
using TorchSharp;

[assembly: AssemblyFixture(typeof(Polder.Browser.Tests.Samples))]

namespace Polder.Browser.Tests;

/// <summary>Pages of every kind in a folder: of a real run of the digits demo, and of results that were made up.</summary>
public sealed class Samples : IDisposable
{
    public const string Script = "<script>alert(1)</script>", Image = "\"><img src=x onerror=alert(2)>", Close = "</script><script>alert(3)</script>";

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-pages-").FullName;

    public Samples()
    {
        torch.set_num_threads(1);
        string run = Path.Combine(_folder, "run");
        using (FineTuningResult result = new Recipe { Training = new TrainingOptions { Epochs = 4 } }.Run(run))
            ReportPages.Of(run, splits: result.Splits).Write(Path.Combine(run, ReportPages.FileName));
        Write("compare.json", Comparison("digits"));
        Write("tune.json", Tuning());
        Write("hessian.json", Hessian());
        foreach (string name in (string[])["compare", "tune", "hessian"])
            ReportPages.Of(Path.Combine(_folder, name + ".json")).Write(Path.Combine(_folder, name + ".html"));
        ReportPages.Of(_folder).Write(Path.Combine(_folder, ReportPages.FileName));
        Hostile().Write(Path.Combine(_folder, "hostile.html"));
        Classes(1000).Write(Path.Combine(_folder, "classes.html"));
    }

    /// <summary>The file of a page.</summary>
    public string this[string name] => Path.Combine(_folder, name);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string name, object result) => File.WriteAllText(Path.Combine(_folder, name), ResultJson.Line(result));

    private static Dictionary<string, object?> Comparison(string task)
    {
        MethodRuns Runs(string method, double above) => new(method, new Dictionary<string, object>(),
        [
            .. Enumerable.Range(0, 6).Select(seed => new MethodRun(
                seed, 0.8 + above + (0.01 * (seed % 3)) + (0.0003 * seed * above * 100), 0.5, 0.82, 0.45, 0.01, 3, 120, method == "base" ? 120 : 240, 0.01,
                    1.2 + seed)
            {
                Curve = new([1, 2, 3], [1, 0.3, 0.01], [1, 0.6, 0.5], [0.5, 0.7, 0.8]),
            }),
        ]);
        var comparison = new ComparisonResult(task, [Runs("base", 0), Runs("nso", 0.02)], 12, [new("sam", 3, "sam, seed 3: the loss is not finite")], []);
        return Envelope("compare", ComparisonReport.Of(comparison, "sgd").Members);
    }

    private static Dictionary<string, object?> Tuning() => Envelope("tune", new
    {
        Task = "digits",
        Grid = (TuningPoint[])
        [
            new("base", "learning rate 0.1", 0.1, new(0.8, 0.01, 3), 0.5, 0), new("base", "learning rate 0.2", 0.2, new(0.85, 0.02, 3), 0.4, 0),
            new("nso", "sigma 0.01", 0.01, new(0.86, 0.01, 3), 0.39, 0), new("nso", "sigma 0.1", 0.1, new(double.NaN, double.NaN, 0), double.NaN, 3),
        ],
    });

    private static Dictionary<string, object?> Hessian() => Envelope("hessian", new
    {
        Parameters = 100,
        Samples = 10,
        Loss = 0.1,
        Trace = new { Value = 5.0, StandardError = 0.2, ImageStandardError = 0.5, Products = 20, Estimator = "hutchinson" },
        Eigenvalues = (object[])[new { Value = 3.0, Residual = 1e-6, Converged = true }, new { Value = -0.5, Residual = 1e-3, Converged = false }],
        Layers = (object[])[new { Name = "fc", Parameters = 100, Trace = 5.0, StandardError = 0.2 }],
        Density = new { Points = (double[])[-1, 0, 3], Density = (double[])[0.01, 10, 0.02], StandardError = (double[])[0.001, 0.1, 0.001] },
        Products = 40,
    });

    private static Dictionary<string, object?> Envelope(string command, object members)
    {
        var envelope = new Dictionary<string, object?>
        {
            ["polder"] = "0.0.0",
            ["command"] = (string[])[command],
            ["settings"] = new { Optimizer = "sgd" },
            ["environment"] = new { Os = "none" },
            ["seconds"] = 1.5,
        };
        foreach ((string name, System.Text.Json.Nodes.JsonNode? value) in ResultJson.Node(members)!.AsObject())
            envelope[name] = value?.DeepClone();
        return envelope;
    }

    // Every place of a page that takes a name.
    private static Page Hostile()
    {
        string[] names = [Script, Image, Close];
        var confusion = new ConfusionMatrix(3);
        for (int i = 0; i < 9; i++)
            confusion.Add(i % 3, i / 3);
        return new Page("run", Script, Image,
        [
            .. ClassPart.Of(names, confusion),
            new PageSection(
                Script, Image, new PageText(Close) { IsWarning = true }, new PageFigures(new PageFigure(Script, Image, Close)),
                    new PageEntries([(Script, Image)]),
                new PageCode(Image, Close) { Folded = Script },
                new PagePictures([new PagePicture(null, Image, Script, Close), new PagePicture("data:,\"><script>alert(4)</script>", Image, Script)]),
                new PageChart(Script, Image, new PageAxis(Script), PageAxis.OfNames(Close, names), new PageSeries(Close, [0, 1, 2],
                    [0, 1, 2]) { Notes = names }),
                new PageSurface(Script, Image, [0, 1], [[0, 1], [1, double.NaN]]),
                new PageTable(Script, new ResultTable("t", [new ResultColumn(Script, "a"), new ResultColumn(Image, "b")],
                    [[Close, Script]])) { Links = [Image] }),
        ])
        { Data = new { Script, Image, Close }, Footer = Script, Warnings = [Image] };
    }

    private static Page Classes(int count)
    {
        var confusion = new ConfusionMatrix(count);
        for (int c = 0; c < count; c++)
            for (int i = 0; i < 50; i++)
                confusion.Add(c, i % 5 == 0 ? (c * 7 + i) % count : c);
        return new Page("evaluation", "many classes", "", [.. ClassPart.Of([.. Enumerable.Range(0, count).Select(c => $"a class of a long name {c}")],
            confusion)]);
    }
}
