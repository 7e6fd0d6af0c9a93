using System.Diagnostics;
using System.Globalization;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>The built program as the ranks of an MPI job.</summary>
internal static class RankProcess
{
    /// <summary>Starts it under a launcher.</summary>
    public static Process Start(string launcher, int ranks, params string[] arguments) =>
        Process.Start(MpiLauncher.Command(launcher, ranks, ["dotnet", PolderProcess.Program, .. arguments]))!;

    /// <summary>Starts it with a shell in between, which decides what each rank is given: $R is the rank, $POLDER the program.</summary>
    public static Process StartScript(string launcher, int ranks, string script) => Process.Start(MpiLauncher.Command(launcher, ranks,
        ["sh", "-c", $"R=${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}; POLDER='dotnet {PolderProcess.Program}'; {script}"]))!;

    /// <summary>Waits for a job to end; what it said, without the launcher's own words.</summary>
    public static (int ExitCode, string Output, string Error) Finish(Process started)
    {
        using Process process = started;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail("the job does not end");
        }
        return (process.ExitCode, output.Result, string.Join('\n', OwnLines(error.Result)));
    }

    // MPICH says on standard error that, and where, MPI_Abort was called; Open MPI 5 says so between two lines of dashes.
    private static IEnumerable<string> OwnLines(string error)
    {
        bool inside = false;
        foreach (string line in error.Split('\n'))
        {
            if (line.StartsWith("----------", StringComparison.Ordinal))
                inside = !inside;
            else if (!inside && line.Trim('\0').Length > 0 && !line.StartsWith("Abort(", StringComparison.Ordinal))
                yield return line;
        }
    }

    /// <summary>The running ranks that a launcher has started, itself or by a helper.</summary>
    public static int[] RanksOf(int launcher)
    {
        var parents = new Dictionary<int, int>();
        var programs = new List<int>();
        foreach (string folder in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                continue;
            try
            {
                // "1234 (dotnet) S 12 ...": the name may hold anything, so what comes after it is read.
                string stat = File.ReadAllText(Path.Combine(folder, "stat"));
                string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                if (fields[0] == "Z")
                    continue;
                parents[id] = int.Parse(fields[1], CultureInfo.InvariantCulture);
                string[] words = File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0');
                if (words.Length > 1 && words[0] == "dotnet" && words[1] == PolderProcess.Program)
                    programs.Add(id);
            }
            catch (IOException)
            {
                // It has ended.
            }
        }
        return [.. programs.Where(id => Comes(id))];

        bool Comes(int id) => id == launcher || (parents.TryGetValue(id, out int parent) && parent > 1 && Comes(parent));
    }

    /// <summary>Whether a process runs.</summary>
    public static bool Runs(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }
}
