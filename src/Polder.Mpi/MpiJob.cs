using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Polder.Mpi;

/// <summary>
/// The MPI job that this process is one rank of: started by <c>mpirun</c>, <c>mpiexec</c> or <c>srun</c>, spoken to through the system's library (Open MPI 4
/// and 5, MPICH 4), which is found at run time. A process starts one, and ends it by <see cref="Dispose"/>, or the whole job by <see cref="Abort"/>.
/// </summary>
/// <remarks>
/// Long vectors are reduced in chunks: one reduction of 11 million numbers takes ten times as long, since the library's temporary is new memory.
/// </remarks>
public sealed unsafe class MpiJob : IRanks, IDisposable
{
    /// <summary>The environment variable that names the library's file where it is not found, or not the right one of two.</summary>
    public const string LibraryVariable = "POLDER_MPI_LIBRARY";

    /// <summary>The numbers of one reduction.</summary>
    private const int Chunk = 1 << 20;

    private readonly MpiLibrary _library;
    private readonly MpiConstants _constants;
    private bool _ended;

    private MpiJob(MpiLibrary library, int rank, int size, string version)
    {
        (_library, _constants) = (library, library.Constants);
        (Rank, Size, Version) = (rank, size, version);
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>What the library calls itself, for example "Open MPI v4.1.4".</summary>
    public string Version { get; }

    /// <summary>The rank that a launcher has given this process, known before any library is loaded; 0 where no launcher started it.</summary>
    public static int RankOfLauncher => Launcher.Current.Rank;

    /// <summary>The processes that a launcher says it has started; null where none did, or it does not say.</summary>
    public static int? SizeOfLauncher => Launcher.Current.Size;

    /// <summary>Whether a library of MPI is there; nothing is started.</summary>
    public static bool IsInstalled()
    {
        try
        {
            return MpiLibrary.Load() is not null;
        }
        catch (MpiException)
        {
            return false;
        }
    }

    /// <summary>Starts MPI in this process.</summary>
    /// <param name="size">
    /// The number of ranks that there must be: a launcher of another make than the library starts processes that do not know each other.
    /// </param>
    /// <exception cref="MpiException">No library is installed, it fails, or it knows another number of ranks; the message says what to do.</exception>
    public static MpiJob Start(int size)
    {
        Require.AtLeast(size, 1);
        Launcher launcher = Launcher.Current;
        if (launcher.Size is { } started && started != size)
            throw new MpiException($"{size} ranks are asked for and {launcher.Name} has started {started}: give both the same number");
        MpiLibrary library = MpiLibrary.Load();
        int initialized = 0, provided = 0, rank = 0, found = 0;
        library.Functions.Initialized(&initialized);
        if (initialized != 0)
            throw new MpiException("MPI has been started in this process already, which it can be once");
        int code = library.Functions.InitThread(null, null, MpiConstants.Serialized, &provided);
        if (code != 0)
            throw new MpiException($"{library.File} does not start: MPI_Init_thread failed with code {code}");
        library.Functions.SetErrorHandler(library.Constants.World, library.Constants.ErrorsReturn);
        library.Functions.CommRank(library.Constants.World, &rank);
        library.Functions.CommSize(library.Constants.World, &found);
        string version = VersionOf(library);
        var job = new MpiJob(library, rank, found, version);
        if (found == size)
            return job;
        job.Dispose();
        throw new MpiException(found > 1 || launcher.Name.Length == 0
            ? $"{size} ranks are asked for and {version} knows {found}: start the program by \"mpirun -n {size}\" of that make, or srun"
            : $"{launcher.Name} has started this process, and {version} ({library.File}) knows nothing of the others: launcher and library are of different "
                + $"makes; start it by the launcher of that library, or name the other library by {LibraryVariable}=FILE");
    }

    /// <inheritdoc/>
    public void Sum(Span<float> values)
    {
        fixed (float* start = values)
            Reduce(start, values.Length, sizeof(float), _constants.Float, _constants.Sum);
    }

    /// <inheritdoc/>
    public void Sum(Span<double> values)
    {
        fixed (double* start = values)
            Reduce(start, values.Length, sizeof(double), _constants.Double, _constants.Sum);
    }

    /// <inheritdoc/>
    public void Greatest(Span<ulong> values)
    {
        fixed (ulong* start = values)
            Reduce(start, values.Length, sizeof(ulong), _constants.UInt64, _constants.Max);
    }

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<byte> own, Span<byte> all)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(all.Length, checked(own.Length * Size));
        fixed (byte* from = own, to = all)
            Check(_library.Functions.AllGather(from, own.Length, _constants.Byte, to, own.Length, _constants.Byte, _constants.World));
    }

    /// <inheritdoc/>
    public void Exchange(ReadOnlySpan<byte> parts, Span<byte> received)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(received.Length, parts.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(parts.Length % Size, 0);
        int block = parts.Length / Size;
        fixed (byte* from = parts, to = received)
            Check(_library.Functions.AllToAll(from, block, _constants.Byte, to, block, _constants.Byte, _constants.World));
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> values, int root)
    {
        fixed (byte* start = values)
            Check(_library.Functions.Broadcast(start, values.Length, _constants.Byte, root, _constants.World));
    }

    /// <summary>Ends all ranks of the job at once, this one included; it does not return where the library does as it says.</summary>
    /// <param name="exitCode">The exit code of the job.</param>
    public void Abort(int exitCode)
    {
        _ended = true;
        _library.Functions.Abort(_constants.World, exitCode);
    }

    /// <summary>Ends MPI in this process; it waits for the other ranks to do the same.</summary>
    public void Dispose()
    {
        if (_ended)
            return;
        _ended = true;
        _library.Functions.Finalize();
    }

    private void Reduce(void* start, int count, int size, nint type, nint operation)
    {
        for (int done = 0; done < count; done += Chunk)
            Check(_library.Functions.AllReduce(
                (void*)_constants.InPlace, (byte*)start + ((long)done * size), Math.Min(Chunk, count - done), type, operation, _constants.World));
    }

    private void Check(int code, [CallerMemberName] string operation = "")
    {
        if (code == 0)
            return;
        byte* text = stackalloc byte[MpiConstants.LongestText];
        int length = 0;
        string words = _library.Functions.ErrorText(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length)
            : code.ToString(CultureInfo.InvariantCulture);
        throw new MpiException($"{Version}: {operation} failed on rank {Rank}: {words}");
    }

    // "Open MPI v4.1.4, package: Debian Open MPI, ident: ...", "MPICH Version:\t4.0.2\nMPICH Release date:..."
    private static string VersionOf(MpiLibrary library)
    {
        byte* text = stackalloc byte[MpiConstants.LongestText];
        int length = 0;
        string all = library.Functions.LibraryVersion(text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : library.Make.ToString();
        return string.Join(' ', all.Split('\n', ',')[0].Replace("Version:", "", StringComparison.Ordinal).Split((char[])[' ', '\t', '\0'],
            StringSplitOptions.RemoveEmptyEntries));
    }
}
