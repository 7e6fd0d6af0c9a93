using System.Diagnostics;

namespace Polder.Checkpoints.Tests;

/// <summary>Starts this test program again, in one of its other lives.</summary>
internal static class TestProgram
{
    /// <param name="variable">The environment variable that names the life.</param>
    /// <param name="value">Its value, a path.</param>
    public static Process Start(string variable, string value)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Polder.Checkpoints.Tests" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment[variable] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
    }
}
