using System.Diagnostics;
using System.Globalization;
using Polder.Testing;

namespace Polder.Mpi.Tests;

/// <summary>
/// Two hosts on one machine: network namespaces of their own that a virtual cable connects, with names of their own, so that Open MPI sees two machines. Where
/// the system does not allow them, the test is skipped and says why.
/// </summary>
internal sealed class TwoHosts : IDisposable
{
    private const string FirstAddress = "10.77.0.1", SecondAddress = "10.77.0.2", Cable = "cable";

    private readonly string _first = $"polder-a-{Environment.ProcessId}", _second = $"polder-b-{Environment.ProcessId}";
    private readonly string _agent = Path.Combine(Path.GetTempPath(), $"polder-agent-{Environment.ProcessId}");

    private TwoHosts()
    {
    }

    /// <summary>Makes them, or skips the test.</summary>
    public static TwoHosts Require()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "network namespaces are Linux's, and root's to make");
        var hosts = new TwoHosts();
        string cable = $"polder{Environment.ProcessId % 100000}";
        string[] steps =
        [
            $"netns add {hosts._first}", $"netns add {hosts._second}", $"link add {cable}a type veth peer name {cable}b",
            $"link set {cable}a netns {hosts._first} name {Cable}", $"link set {cable}b netns {hosts._second} name {Cable}",
            $"-n {hosts._first} addr add {FirstAddress}/24 dev {Cable}", $"-n {hosts._second} addr add {SecondAddress}/24 dev {Cable}",
            $"-n {hosts._first} link set {Cable} up", $"-n {hosts._second} link set {Cable} up",
            $"-n {hosts._first} link set lo up", $"-n {hosts._second} link set lo up",
        ];
        foreach (string step in steps)
        {
            (int code, string error) = Ip(step);
            if (code == 0)
                continue;
            hosts.Dispose();
            Assert.Skip($"no network namespaces here: ip {step}: {error.Trim()}");
        }
        // What mpirun would use ssh for: it is given a host and what to run there.
        File.WriteAllText(hosts._agent, $"""
            #!/bin/sh
            shift
            exec ip netns exec {hosts._second} unshare --uts sh -c "hostname second; $*"
            """);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(hosts._agent, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return hosts;
    }

    /// <summary>Lets a job that would run here run on both, a rank each.</summary>
    public void Move(ProcessStartInfo start)
    {
        // A place for one rank each: where there may be more, Open MPI 5 puts all on the first.
        string[] command = [.. start.ArgumentList.Where(word => word != "--oversubscribe")];
        string launcher = start.FileName;
        start.FileName = "ip";
        start.ArgumentList.Clear();
        // Version 5 cuts an address at its first point as if it were a name, and version 4 asks for the address of a name.
        (string agent, string hosts) = MpiLauncher.IsOpenMpi4 ? ("plm_rsh_agent", $"{FirstAddress},{SecondAddress}") : ("plm_ssh_agent", "first,second");
        string[] mpirun =
        [
            launcher, "--mca", agent, _agent, "--mca", "pml", "ob1", "--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", Cable,
            "--mca", "oob_tcp_if_include", Cable, "--host", hosts, .. command,
        ];
        string words = string.Join(' ', mpirun.Select(word => $"'{word}'"));
        foreach (string word in (string[])["netns", "exec", _first, "unshare", "--uts", "sh", "-c", $"hostname first; exec {words}"])
            start.ArgumentList.Add(word);
    }

    /// <summary>The bytes that came over the cable to the second host.</summary>
    public long BytesReceived()
    {
        (int code, string text) = Run("ip", ["netns", "exec", _second, "cat", "/proc/net/dev"]);
        Assert.Equal(0, code);
        string line = text.Split('\n').Single(l => l.TrimStart().StartsWith(Cable + ":", StringComparison.Ordinal));
        return long.Parse(line[(line.IndexOf(':') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Ip($"netns del {_first}");
        Ip($"netns del {_second}");
        File.Delete(_agent);
    }

    private static (int Code, string Text) Ip(string arguments) => Run("ip", arguments.Split(' '));

    private static (int Code, string Text) Run(string program, string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + error);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (127, e.Message); // the program is not there
        }
    }
}
