using System.Globalization;

namespace Polder.Mpi.Bindings;

/// <summary>What the environment says of the program that started this process: known before, and without, any library of MPI.</summary>
/// <param name="Name">The launcher in words; empty where there is none.</param>
/// <param name="Make">The make that it belongs to; null where it starts either.</param>
/// <param name="Rank">This process's number among those that it started; 0 where there is no launcher.</param>
/// <param name="Size">How many it started; null where it does not say.</param>
internal sealed record Launcher(string Name, MpiMake? Make, int Rank, int? Size)
{
    /// <summary>The launcher of this process.</summary>
    public static Launcher Current { get; } = Of(Environment.GetEnvironmentVariable);

    /// <summary>Reads an environment.</summary>
    public static Launcher Of(Func<string, string?> variable)
    {
        if (Number("OMPI_COMM_WORLD_RANK") is { } open)
            return new("mpirun of Open MPI", MpiMake.OpenMpi, open, Number("OMPI_COMM_WORLD_SIZE"));
        // Slurm starts either make, and sets MPICH's variables for its own sake.
        if (Number("SLURM_PROCID") is { } slurm && variable("SLURM_STEP_ID") is not null)
            return new("srun", null, slurm, Number("SLURM_STEP_NUM_TASKS") ?? Number("SLURM_NTASKS"));
        return Number("PMI_RANK") is { } rank ? new("mpiexec of MPICH", MpiMake.Mpich, rank, Number("PMI_SIZE")) : new("", null, 0, null);

        int? Number(string name) => int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
    }
}
