using Polder.Benchmarks;
using TorchSharp;

string[] known = ["steps", "sensing", "check", "nso", "methods", "split", "decode"];
string[] chosen = args.Length == 0 ? known : args;
if (chosen.FirstOrDefault(name => !known.Contains(name)) is { } wrong)
{
    Console.Error.WriteLine($"benchmark: found {wrong}, allowed: {string.Join(", ", known)}");
    return 2;
}
Console.WriteLine($"{Environment.ProcessorCount} processors, {torch.get_num_threads()} threads, .NET {Environment.Version}, TorchSharp {typeof(torch).Assembly.GetName().Version}");
if (chosen.Contains("sensing"))
    SensingBenchmark.Run();
if (chosen.Contains("check"))
    ConvolutionCheckBenchmark.Run();
if (chosen.Contains("steps"))
    StepBenchmark.Run();
if (chosen.Contains("methods"))
    StepBenchmark.RunEveryMethod();
if (chosen.Contains("nso"))
    NoiseStabilityBenchmark.Run();
if (chosen.Contains("split"))
    SplitVarianceBenchmark.Run();
if (chosen.Contains("decode"))
    DecodeBenchmark.Run();
return 0;
