using Polder.Testing;

namespace Polder.Mpi.Tests;

/// <summary>Real jobs of whichever make is installed.</summary>
public class MpiJobTests
{
    public MpiJobTests() => Threads.One();

    [Theory]
    [InlineData("openmpi", 2)]
    [InlineData("openmpi", 3)]
    [InlineData("mpich", 2)]
    public void A_job_computes_what_one_process_does(string make, int ranks)
    {
        string launcher = MpiLauncher.Require(make);
        string[] alone = [.. RankProgram.Trainings(new SoloRanks())];
        (int code, string error, string[][] lines) = RankProgram.Run(launcher, ranks);
        Assert.True(code == 0, error);
        Assert.Equal(ranks, lines.Length);
        Assert.All(lines, rank =>
        {
            Assert.DoesNotContain(rank, line => line.EndsWith(" False", StringComparison.Ordinal));
            Assert.Equal(7, rank.Count(line => line.EndsWith(" True", StringComparison.Ordinal)));
            Assert.Equal(alone, rank[7..]);
        });
    }

    [Fact]
    public void Two_hosts_compute_over_TCP_what_one_process_does()
    {
        string launcher = MpiLauncher.Require("openmpi");
        using var hosts = TwoHosts.Require();
        string[] alone = [.. RankProgram.Trainings(new SoloRanks())];
        (int code, string error, string[][] lines) = RankProgram.Run(launcher, 2, hosts: hosts);
        Assert.True(code == 0, error);
        Assert.All(lines, rank => Assert.Equal(alone, rank[7..]));
        // Both are on one kernel: nothing went another way.
        Assert.InRange(hosts.BytesReceived(), 10_000_000, long.MaxValue);
    }

    [Fact]
    public void Another_number_of_ranks_than_was_started_is_refused()
    {
        (int code, string error, _) = RankProgram.Run(MpiLauncher.RequireAny(), 2, expected: 3);
        Assert.Equal(2, code);
        Assert.Matches("3 ranks are asked for and (mpirun of Open MPI|mpiexec of MPICH) has started 2: give both the same number", error);
    }

    [Theory]
    [InlineData("openmpi", "libmpich.so.12")]
    [InlineData("mpich", "libmpi.so.40")]
    public void A_launcher_of_another_make_than_the_library_is_seen(string make, string library)
    {
        string launcher = MpiLauncher.Require(make);
        MpiLauncher.Require(make == "openmpi" ? "mpich" : "openmpi");
        (int code, string error, _) = RankProgram.Run(launcher, 2, library: library);
        Assert.NotEqual(0, code);
        Assert.Contains("launcher and library are of different makes", error);
    }

    [Fact]
    public void Where_no_library_is_there_one_line_says_what_to_install()
    {
        (int code, string error, _) = RankProgram.Run(MpiLauncher.RequireAny(), 1, library: "/nowhere/libmpi.so");
        Assert.Equal(2, code);
        Assert.Contains("POLDER_MPI_LIBRARY: found /nowhere/libmpi.so, which does not load, allowed: the file of an MPI library", error);
    }
}
