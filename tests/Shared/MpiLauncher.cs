using System.Diagnostics;

namespace Polder.Testing;

/// <summary>The launchers of MPI that are installed: tests that need one say so and are skipped where there is none.</summary>
internal static class MpiLauncher
{
    private const string Debian = "apt-get install openmpi-bin mpich";

    /// <summary>The launchers by make: on Debian both may be there, and "mpirun" is one of them.</summary>
    public static string? OpenMpi { get; } = Find("mpirun.openmpi") ?? FindOf("mpirun", "Open MPI");

    /// <summary>Whether Open MPI is of version 4: version 5 has another launcher, with options of its own.</summary>
    public static bool IsOpenMpi4 { get; } = OpenMpi is not null && Version(OpenMpi).Contains(") 4.", StringComparison.Ordinal);

    /// <summary>The launcher of MPICH.</summary>
    public static string? Mpich { get; } = Find("mpirun.mpich") ?? FindOf("mpirun", "HYDRA");

    /// <summary>A launcher of whichever make; the test is skipped where there is none.</summary>
    public static string RequireAny()
    {
        Assert.SkipWhen(OpenMpi is null && Mpich is null, $"no MPI is installed: {Debian}");
        return OpenMpi ?? Mpich!;
    }

    /// <summary>The launcher of a make; the test is skipped where it is not there.</summary>
    /// <param name="make">openmpi or mpich.</param>
    public static string Require(string make)
    {
        string? found = make == "openmpi" ? OpenMpi : Mpich;
        Assert.SkipWhen(found is null, $"{make} is not installed: {Debian}");
        return found!;
    }

    /// <summary>How a launcher starts a program on so many ranks of this machine.</summary>
    /// <param name="launcher">The launcher.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="command">The program and its arguments.</param>
    public static ProcessStartInfo Command(string launcher, int ranks, params IReadOnlyList<string> command)
    {
        // Version 5 cannot be told to be quiet.
        string[] options = launcher != OpenMpi ? [] : IsOpenMpi4 ? ["-q", "--oversubscribe"] : ["--oversubscribe"];
        ProcessStartInfo start = new(launcher, ["-n", $"{ranks}", .. options, .. command])
        { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // Containers run as root, which Open MPI asks about; and a terminal's codes have no place in what is compared.
        foreach (string launching in (string[])["OMPI", "PRTE"])
            start.Environment[$"{launching}_ALLOW_RUN_AS_ROOT"] = start.Environment[$"{launching}_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        start.Environment["TERM"] = "dumb";
        return start;
    }

    private static string? FindOf(string name, string make) =>
        Find(name) is { } file && Version(file).Contains(make, StringComparison.Ordinal) ? file : null;

    private static string Version(string launcher)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(launcher, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string words = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return words;
    }

    private static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
