using System.Diagnostics;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>Runs the built program as a user does.</summary>
internal static class PolderProcess
{
    /// <summary>The program built in the configuration of this test.</summary>
    public static string Program
    {
        get
        {
            string framework = new DirectoryInfo(AppContext.BaseDirectory).Name, configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            return Path.Combine(SharedFiles.Repository, "src", "Polder.Cli", "bin", configuration, framework, "Polder.Cli.dll");
        }
    }

    public static (int ExitCode, string Output, string Error) Run(params string[] arguments) => Finish(Start(arguments), arguments);

    /// <summary>The same in another working folder, on one thread: several would only wait for each other on networks of a few small images.</summary>
    public static (int ExitCode, string Output, string Error) RunIn(string folder, params string[] arguments) =>
        Finish(StartDotNet([Program, .. arguments], folder, threads: 1), arguments);

    public static Process Start(params string[] arguments) => StartDotNet([Program, .. arguments]);

    /// <summary>Starts a built program.</summary>
    /// <param name="arguments">The program's file and its arguments.</param>
    /// <param name="folder">The working folder; empty is this process's own.</param>
    /// <param name="threads">Threads of the tensor library; null is one a core.</param>
    public static Process StartDotNet(IEnumerable<string> arguments, string folder = "", int? threads = null)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        if (threads is not null)
            start.Environment["OMP_NUM_THREADS"] = $"{threads}";
        return Process.Start(start)!;
    }

    private static (int ExitCode, string Output, string Error) Finish(Process started, string[] arguments)
    {
        using Process process = started;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            process.Kill();
            Assert.Fail($"polder {string.Join(' ', arguments)} does not end");
        }
        return (process.ExitCode, output.Result, error.Result);
    }
}
