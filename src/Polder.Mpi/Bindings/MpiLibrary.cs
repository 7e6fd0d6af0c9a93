using System.Runtime.InteropServices;

namespace Polder.Mpi.Bindings;

/// <summary>The system's MPI: found by the usual names of its file, that of the launcher first.</summary>
internal sealed class MpiLibrary
{
    private static readonly string[] OpenMpiFiles = ["libmpi.so.40", "libmpi.40.dylib"];
    private static readonly string[] MpichFiles = ["libmpich.so.12", "libmpi.so.12", "libmpi.12.dylib", "libmpich.dylib"];

    private MpiLibrary(string file, nint handle)
    {
        File = file;
        (Make, Constants) = MpiConstants.Of(handle);
        Functions = new MpiFunctions(handle);
    }

    /// <summary>The file as it was asked for.</summary>
    public string File { get; }

    public MpiMake Make { get; }

    public MpiConstants Constants { get; }

    public MpiFunctions Functions { get; }

    /// <summary>Finds and loads it; nothing is started.</summary>
    /// <exception cref="MpiException">There is none.</exception>
    public static MpiLibrary Load()
    {
        string? named = Environment.GetEnvironmentVariable(MpiJob.LibraryVariable);
        string[] files = !string.IsNullOrEmpty(named) ? [named]
            : Launcher.Current.Make == MpiMake.Mpich ? [.. MpichFiles, .. OpenMpiFiles] : [.. OpenMpiFiles, .. MpichFiles];
        foreach (string file in files)
        {
            if (!NativeLibrary.TryLoad(file, out nint handle))
                continue;
            try
            {
                return new MpiLibrary(file, handle);
            }
            catch (EntryPointNotFoundException e)
            {
                throw new MpiException($"{file} is no MPI library whose constants are known (Open MPI 4 or 5, MPICH 4): {e.Message}", e);
            }
        }
        throw new MpiException(named is null
            ? "no MPI is installed: looked for Open MPI (libmpi.so.40) and MPICH (libmpich.so.12, libmpi.so.12); on Debian and Ubuntu openmpi-bin or mpich "
                + $"has one; one elsewhere is named by {MpiJob.LibraryVariable}=FILE"
            : $"{MpiJob.LibraryVariable}: found {named}, which does not load, allowed: the file of an MPI library");
    }
}
