namespace Polder.Architecture.Tests;

/// <summary>The floors (projects): each knows those below it and the packages that it was given, as docs/architecture.md has them.</summary>
public class FloorTests
{
    // The one table: what each project may know beside .NET itself, the lowest first.
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["Polder"] = ["TorchSharp"],
        ["Polder.Checkpoints"] = ["TorchSharp", "System.IO.Hashing"],
        ["Polder.Vision"] = ["TorchSharp", "SkiaSharp", "Google.Protobuf", "MathNet.Numerics", "Polder", "Polder.Checkpoints"],
        ["Polder.Experiments"] = ["TorchSharp", "SkiaSharp", "ScottPlot", "MathNet.Numerics", "Polder", "Polder.Checkpoints", "Polder.Vision"],
        ["Polder.Onnx"] = ["TorchSharp", "Polder", "Polder.Checkpoints", "Polder.Vision"],
        ["Polder.Mpi"] = ["TorchSharp", "Polder"],
        ["Polder.Cli"] =
        [
            "TorchSharp", "System.CommandLine", "Spectre.Console", "Spectre.Console.Ansi", "Polder", "Polder.Checkpoints", "Polder.Vision",
            "Polder.Experiments", "Polder.Onnx", "Polder.Mpi",
        ],
    };

    [Fact]
    public void A_floor_knows_only_what_is_below_it()
    {
        Assert.Equal([.. House.Libraries, House.Program], MayKnow.Keys);
        foreach ((string project, string[] allowed) in MayKnow)
        {
            var others = House.Load(project).GetReferencedAssemblies().Select(a => a.Name!).Where(name => !IsOfNet(name));
            Assert.Empty(others.Except(allowed).Select(name => $"{project} knows {name}"));
        }
    }

    // Two packages bear .NET's name.
    private static bool IsOfNet(string name) =>
        name is not ("System.CommandLine" or "System.IO.Hashing") && name.StartsWith("System.", StringComparison.Ordinal);
}
