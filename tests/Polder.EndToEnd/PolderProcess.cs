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

    /// <summary>The same with another working folder.</summary>
    public static (int ExitCode, string Output, string Error) RunIn(string folder, params string[] arguments) => Finish(Start(folder, arguments), arguments);

    public static Process Start(params string[] arguments) => Start("", arguments);

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

    private static Process Start(string folder, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        start.ArgumentList.Add(Program);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
