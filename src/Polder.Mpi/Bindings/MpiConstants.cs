using System.Runtime.InteropServices;

namespace Polder.Mpi.Bindings;

/// <summary>The handles of one make of MPI, which its C header would have.</summary>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="ErrorsReturn">MPI_ERRORS_RETURN.</param>
/// <param name="Float">MPI_FLOAT.</param>
/// <param name="Double">MPI_DOUBLE.</param>
/// <param name="UInt64">MPI_UINT64_T.</param>
/// <param name="Byte">MPI_BYTE.</param>
/// <param name="Sum">MPI_SUM.</param>
/// <param name="Max">MPI_MAX.</param>
/// <param name="InPlace">MPI_IN_PLACE.</param>
internal sealed record MpiConstants(
    nint World, nint ErrorsReturn, nint Float, nint Double, nint UInt64, nint Byte, nint Sum, nint Max, nint InPlace)
{
    /// <summary>MPI_THREAD_SERIALIZED: calls come from any thread, one at a time.</summary>
    public const int Serialized = 2;

    /// <summary>The longest text that MPI writes, of either make (MPI_MAX_LIBRARY_VERSION_STRING).</summary>
    public const int LongestText = 8192;

    // Of the common binary interface of MPICH's family, version 12.
    private static readonly MpiConstants Mpich = new(
        0x44000000, 0x54000001, 0x4c00040a, 0x4c00080b, 0x4c00083e, 0x4c00010d, 0x58000003, 0x58000001, -1);

    /// <summary>The constants of a loaded library.</summary>
    public static (MpiMake Make, MpiConstants Constants) Of(nint library)
    {
        if (!NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out nint world))
            return (MpiMake.Mpich, Mpich);
        return (MpiMake.OpenMpi, new MpiConstants(
            world, Export("ompi_mpi_errors_return"), Export("ompi_mpi_float"), Export("ompi_mpi_double"), Export("ompi_mpi_uint64_t"),
            Export("ompi_mpi_byte"), Export("ompi_mpi_op_sum"), Export("ompi_mpi_op_max"), 1));

        nint Export(string name) => NativeLibrary.GetExport(library, name);
    }
}
