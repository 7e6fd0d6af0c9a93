using System.Diagnostics;

namespace Polder.Benchmarks;

/// <summary>How long short commands take from the start of the process to its end, for several builds of the program by turns.</summary>
internal static class StartUpCommand
{
    private const int Rounds = 7;

    /// <summary>Runs it.</summary>
    /// <param name="arguments">A run folder, an image, then the programs; the first is the reference of the ratios.</param>
    public static void Run(IReadOnlyList<string> arguments)
    {
        if (arguments.Count < 4 || arguments.FirstOrDefault(path => !Path.Exists(path)) is not null)
            throw new ArgumentException("start-up: RUN IMAGE PROGRAM PROGRAM ...: a run folder, an image and two builds of the program or more");
        (string run, string image) = (arguments[0], arguments[1]);
        string[][] commands =
        [
            ["--help"], ["inspect", Path.Combine(run, "best.safetensors")], ["predict", "--run", run, image],
        ];
        foreach (string[] command in commands)
            Interleaved.Compare($"polder {command[0]}",
                [.. arguments.Skip(2).Select(program => (program, (Action)(() => Start(program, command))))], Rounds, warmup: 1);
    }

    private static void Start(string program, string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, command) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new ArgumentException($"{program} {string.Join(' ', command)}: {error.Result}");
    }
}
