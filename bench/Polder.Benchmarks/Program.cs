using Polder.Benchmarks;
using TorchSharp;

string[] known = ["steps", "sensing", "check", "moves", "nso", "methods", "split", "decode", "curvature", "frozen", "jobs"];
if (args is [JobsBenchmark.Worker, .. var job])
{
    JobsBenchmark.Work(job);
    return 0;
}
(string Name, Action<IReadOnlyList<string>> Run)[] studies =
[
    ("products", ProductCountCommand.Run), ("free-trace", FreeTraceCommand.Run), ("precision", PrecisionBenchmark.Run), ("tiny-maps", TinyMapBenchmark.Run),
    ("bf16-trace", BFloat16TraceCommand.Run), ("equivalence", EquivalenceCommand.Run), ("predict", PredictBenchmark.Run),
    ("start-up", StartUpCommand.Run), ("lists", ListsCommand.Run), ("recipe", RecipeCommand.Run), ("side-by-side", SideBySideCommand.Run),
    ("ranks", RanksBenchmark.Run), ("pooling", PoolingBenchmark.Run),
];
// For programs: the tables that are timed, with machine and command.
string? json = null;
if (Array.IndexOf(args, "--json") is var place and >= 0 && place + 1 < args.Length)
{
    json = args[place + 1];
    Interleaved.Command = string.Join(' ', args);
    args = [.. args[..place], .. args[(place + 2)..]];
}
string about = $"{Environment.ProcessorCount} processors, {torch.get_num_threads()} threads, .NET {Environment.Version}, "
    + $"TorchSharp {typeof(torch).Assembly.GetName().Version}";
if (args.Length > 0 && studies.FirstOrDefault(s => s.Name == args[0]) is { Run: { } study })
{
    try
    {
        Console.WriteLine($"{about}, Polder {typeof(Polder.Curvature.Hessian).Assembly.GetName().Version?.ToString(3)}");
        study(args[1..]);
        Interleaved.Write(json);
        return 0;
    }
    catch (Exception e) when (e is ArgumentException or Polder.Mpi.MpiException or Polder.Vision.Data.DataException or Polder.Checkpoints.CheckpointException)
    {
        Console.Error.WriteLine($"benchmark: {e.Message}");
        return 2;
    }
}
string[] chosen = args.Length == 0 ? known : args;
if (chosen.FirstOrDefault(name => !known.Contains(name)) is { } wrong)
{
    Console.Error.WriteLine($"benchmark: found {wrong}, allowed: {string.Join(", ", known)}, "
        + $"or one of {string.Join(", ", studies.Select(s => s.Name))} with its options");
    return 2;
}
Console.WriteLine(about);
if (chosen.Contains("sensing"))
    SensingBenchmark.Run();
if (chosen.Contains("check"))
    ConvolutionCheckBenchmark.Run();
if (chosen.Contains("steps"))
    StepBenchmark.Run();
if (chosen.Contains("methods"))
    StepBenchmark.RunEveryMethod();
if (chosen.Contains("moves"))
    NoiseStabilityBenchmark.RunMoves();
if (chosen.Contains("nso"))
    NoiseStabilityBenchmark.Run();
if (chosen.Contains("split"))
    SplitVarianceBenchmark.Run();
if (chosen.Contains("decode"))
    DecodeBenchmark.Run();
if (chosen.Contains("curvature"))
    CurvatureBenchmark.Run();
if (chosen.Contains("frozen"))
    FrozenLayersBenchmark.Run();
if (chosen.Contains("jobs"))
    JobsBenchmark.Run();
Interleaved.Write(json);
return 0;
