using System.Diagnostics;
using System.Globalization;
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

    /// <summary>The same in another working folder.</summary>
    public static (int ExitCode, string Output, string Error) RunIn(string folder, params string[] arguments) =>
        Finish(StartDotNet([Program, .. arguments], folder, threads: 1), arguments);

    // On one thread, where the arguments do not say another number: on networks of a few small images several would only wait for each other.
    public static Process Start(params string[] arguments) => StartDotNet([Program, .. arguments], threads: 1);

    /// <summary>Starts a built program.</summary>
    /// <param name="arguments">The program's file and its arguments.</param>
    /// <param name="folder">The working folder; empty is this process's own.</param>
    /// <param name="threads">Threads of the tensor library; null is one a core.</param>
    /// <param name="displayThreading">Whether the thread library writes its settings to the standard error as it is loaded.</param>
    public static Process StartDotNet(IEnumerable<string> arguments, string folder = "", int? threads = null, bool displayThreading = false)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        if (threads is not null)
            start.Environment["OMP_NUM_THREADS"] = $"{threads}";
        if (displayThreading)
            start.Environment["OMP_DISPLAY_ENV"] = "VERBOSE";
        return Process.Start(start)!;
    }

    /// <summary>
    /// Skips a test of Ctrl-C where there is none, or where this process was started to ignore it, which its children inherit (nohup, a shell's
    /// background).
    /// </summary>
    public static void RequireInterrupts()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no SIGINT to send");
        const string status = "/proc/self/status", field = "SigIgn:";
        if (!File.Exists(status))
            return;
        string mask = File.ReadLines(status).First(line => line.StartsWith(field, StringComparison.Ordinal))[field.Length..].Trim();
        const ulong interrupt = 1 << (2 - 1);
        Assert.SkipWhen((ulong.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & interrupt) != 0,
            "SIGINT is ignored here: started in the background");
    }

    /// <summary>Ctrl-C.</summary>
    public static void Interrupt(Process process)
    {
        using Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>
    /// Runs the program and presses Ctrl-C when a line of its errors, where progress is told, says so; it must stop as one that was asked to.
    /// </summary>
    /// <param name="isTime">Whether a line is the one to stop at.</param>
    /// <param name="arguments">What the program is called with.</param>
    /// <returns>All that it said.</returns>
    public static (string Output, string Error) InterruptAt(Func<string, bool> isTime, params string[] arguments)
    {
        RequireInterrupts();
        using Process process = Start(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = "";
        while (process.StandardError.ReadLine() is { } line)
        {
            error += line + "\n";
            if (isTime(line))
                break;
        }
        Interrupt(process);
        error += process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(1)), "does not stop");
        Assert.True(process.ExitCode == 130, error);
        string said = output.GetAwaiter().GetResult();
        Assert.DoesNotContain("   at ", error + said);
        return (said, error);
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
