using System.Runtime.InteropServices;

namespace Polder.Mpi.Bindings;

/// <summary>
/// The functions that are called, found by name at run time. Every handle is passed as a word: MPICH's are 32 bits, of which the callee reads just those.
/// </summary>
internal sealed unsafe class MpiFunctions(nint library)
{
    public readonly delegate* unmanaged[Cdecl]<int*, int> Initialized = (delegate* unmanaged[Cdecl]<int*, int>)Of(library, "MPI_Initialized");
    public readonly delegate* unmanaged[Cdecl]<void*, void*, int, int*, int> InitThread =
        (delegate* unmanaged[Cdecl]<void*, void*, int, int*, int>)Of(library, "MPI_Init_thread");

    public readonly delegate* unmanaged[Cdecl]<int> Finalize = (delegate* unmanaged[Cdecl]<int>)Of(library, "MPI_Finalize");
    public readonly delegate* unmanaged[Cdecl]<nint, int, int> Abort = (delegate* unmanaged[Cdecl]<nint, int, int>)Of(library, "MPI_Abort");
    public readonly delegate* unmanaged[Cdecl]<nint, int*, int> CommRank = (delegate* unmanaged[Cdecl]<nint, int*, int>)Of(library, "MPI_Comm_rank");
    public readonly delegate* unmanaged[Cdecl]<nint, int*, int> CommSize = (delegate* unmanaged[Cdecl]<nint, int*, int>)Of(library, "MPI_Comm_size");
    public readonly delegate* unmanaged[Cdecl]<nint, nint, int> SetErrorHandler =
        (delegate* unmanaged[Cdecl]<nint, nint, int>)Of(library, "MPI_Comm_set_errhandler");

    public readonly delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, int> AllReduce =
        (delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, int>)Of(library, "MPI_Allreduce");

    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int> AllGather =
        (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int>)Of(library, "MPI_Allgather");

    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int> AllToAll =
        (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int>)Of(library, "MPI_Alltoall");

    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int> Broadcast =
        (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int>)Of(library, "MPI_Bcast");

    public readonly delegate* unmanaged[Cdecl]<byte*, int*, int> LibraryVersion =
        (delegate* unmanaged[Cdecl]<byte*, int*, int>)Of(library, "MPI_Get_library_version");

    public readonly delegate* unmanaged[Cdecl]<int, byte*, int*, int> ErrorText =
        (delegate* unmanaged[Cdecl]<int, byte*, int*, int>)Of(library, "MPI_Error_string");

    private static nint Of(nint library, string name) => NativeLibrary.GetExport(library, name);
}
