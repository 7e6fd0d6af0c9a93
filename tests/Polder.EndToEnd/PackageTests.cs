using System.Diagnostics;
using System.IO.Compression;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>The libraries as packages: a project elsewhere takes them from a folder, and the remedy for TorchSharp's native library comes along.</summary>
public sealed class PackageTests : IDisposable
{
    private static readonly string[] Packages = ["Polder", "Polder.Checkpoints", "Polder.Vision", "Polder.Experiments", "Polder.Onnx", "Polder.Mpi"];

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-packages-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_fresh_project_trains_with_the_packages_of_a_folder()
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        foreach (string name in Packages)
        {
            DotNet("pack", Path.Combine(SharedFiles.Repository, "src", name), "-c", configuration, "--no-build", "-o", _folder, "-v", "quiet");
            using ZipArchive package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(_folder, $"{name}.0*.nupkg")));
            string[] entries = [.. package.Entries.Select(e => e.FullName)];
            Assert.All((string[])["README.md", "icon.png", $"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml"], file => Assert.Contains(file, entries));
            using ZipArchive symbols = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(_folder, $"{name}.0*.snupkg")));
            Assert.Contains(symbols.Entries, e => e.FullName == $"lib/net10.0/{name}.pdb");
        }

        // Other packages come from the cache that the tests were restored into; ours go into a cache of the test's own.
        string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string app = Path.Combine(_folder, "app");
        Directory.CreateDirectory(app);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the native library needs the remedy on Linux alone");
        File.WriteAllText(Path.Combine(app, "app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <CreateSymbolicLinksForCopyLocalIfPossible>true</CreateSymbolicLinksForCopyLocalIfPossible>
                <RestoreSources>{_folder}</RestoreSources>
                <RestorePackagesPath>{Path.Combine(_folder, "cache")}</RestorePackagesPath>
                <RestoreFallbackFolders>{cache}</RestoreFallbackFolders>
                <NuGetAudit>false</NuGetAudit>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Polder.Experiments" Version="*" />
                <PackageReference Include="Polder.Onnx" Version="*" />
                <PackageReference Include="libtorch-cpu-linux-x64" Version="2.10.0" />
              </ItemGroup>
            </Project>
            """);
        // TorchSharp is touched before any type of ours: the remedy must be the build's.
        File.WriteAllText(Path.Combine(app, "Program.cs"), """
            using Polder.Checkpoints.Onnx;
            using Polder.Experiments.Comparison;
            using Polder.Experiments.Reports;
            using Polder.Methods;
            using Polder.Onnx;
            using Polder.Optimization;
            using Polder.Vision.Classifiers;
            using Polder.Vision.Data;
            using Polder.Vision.Models;
            using TorchSharp;
            using static TorchSharp.torch;

            torch.random.manual_seed(1);
            using var model = Architectures.Get("digits-cnn").Build(3, 1);
            using var sgd = optim.SGD(model.parameters(), 0.1);
            using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.01 }, model);
            using var images = randn(4, 1, 8, 8);
            using var labels = tensor(new long[] { 0, 1, 2, 0 });
            double first = optimizer.Step(() => nn.functional.cross_entropy(model.call(images), labels)).Loss, last = first;
            for (int i = 0; i < 20; i++)
                last = optimizer.Step(() => nn.functional.cross_entropy(model.call(images), labels)).Loss;
            Console.WriteLine(last < first ? "trained" : $"{first} to {last}");
            // Studies and their pictures: ScottPlot must draw with the SkiaSharp that the packages ask for.
            Console.WriteLine(typeof(ComparisonStudy).Name);
            Console.WriteLine(new CurvePlot("loss", "step", "loss").Draw([new Curve("nso", [1, 2], [2, 1])], ".png").Length > 1000 ? "drawn" : "empty");
            var classifier = new TrainedClassifier(model, "digits-cnn", 8, Normalization.ImageNetGray, ["a", "b", "c"]);
            Console.WriteLine($"exported {OnnxExport.Write(classifier, args[0]).EqualParameters} tensors");
            using OnnxFile file = OnnxFile.Open(args[0]);
            using Tensor head = file.Model.Graph.Constants[$"{model.HeadName}.weight"].ToTensor();
            Console.WriteLine(head.eq(model.Head.weight!).all().ToBoolean() ? "read back" : "another head");
            """);
        Assert.Equal("trained\nComparisonStudy\ndrawn\nexported 17 tensors\nread back\n", DotNet("run", "--project", app, Path.Combine(app, "model.onnx")));
    }

    private static string DotNet(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        // What this test's own build has set must not reach another.
        foreach (string name in (string[])["MSBUILD_EXE_PATH", "MSBuildSDKsPath", "MSBuildExtensionsPath"])
            start.Environment.Remove(name);
        // No build server may outlive the test.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"dotnet {arguments[0]} does not end");
        Assert.True(process.ExitCode == 0, $"dotnet {arguments[0]}: {output.Result}{error.Result}");
        return output.Result;
    }
}
