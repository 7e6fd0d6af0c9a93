using Polder.Mpi.Bindings;

namespace Polder.Mpi.Tests;

/// <summary>What the environment says before any library is loaded.</summary>
public class LauncherTests
{
    [Theory]
    [InlineData("OMPI_COMM_WORLD_RANK=3,OMPI_COMM_WORLD_SIZE=8", "mpirun of Open MPI", 3, 8)]
    [InlineData("PMI_RANK=1,PMI_SIZE=2", "mpiexec of MPICH", 1, 2)]
    [InlineData("SLURM_PROCID=5,SLURM_STEP_ID=0,SLURM_STEP_NUM_TASKS=16,PMI_RANK=5", "srun", 5, 16)]
    [InlineData("SLURM_PROCID=0", "", 0, null)] // a batch script's own shell is no step
    [InlineData("", "", 0, null)]
    public void Rank_and_size_are_known_from_the_environment(string variables, string name, int rank, int? size)
    {
        Dictionary<string, string> set = variables.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('='))
            .ToDictionary(v => v[0], v => v[1]);
        Launcher launcher = Launcher.Of(set.GetValueOrDefault);
        Assert.Equal((name, rank, size), (launcher.Name, launcher.Rank, launcher.Size));
    }
}
