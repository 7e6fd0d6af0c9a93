namespace Polder.Mpi.Bindings;

/// <summary>The makes of MPI whose constants are known.</summary>
internal enum MpiMake
{
    /// <summary>Open MPI: a handle is the address of an object that the library exports.</summary>
    OpenMpi,

    /// <summary>MPICH and what shares its binary interface (Intel MPI, MVAPICH): a handle is a number.</summary>
    Mpich,
}
