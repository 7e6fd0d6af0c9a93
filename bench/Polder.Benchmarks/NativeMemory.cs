using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Polder.Benchmarks;

/// <summary>
/// How much memory the process has, and how much of it native code has asked for and not given back. The first moves with the allocator, which
/// keeps what was freed; the second grows only where something leaks.
/// </summary>
internal static partial class NativeMemory
{
    public static string Describe()
    {
        using var process = Process.GetCurrentProcess();
        string resident = Mebibytes(process.WorkingSet64);
        try
        {
            AllocatorState state = ReadAllocator();
            return $"{resident} MiB (native blocks in use: {Mebibytes((long)(state.InUse + state.Mapped))})";
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            return $"{resident} MiB"; // not glibc 2.33 or later
        }
    }

    private static string Mebibytes(long bytes) => (bytes / 1048576.0).ToString("F1", CultureInfo.InvariantCulture);

    // struct mallinfo2 of malloc.h, in its order.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct AllocatorState
    {
        public readonly nuint Arena, FreeChunks, FastChunks, MappedBlocks, Mapped, Unused, FreeFast, InUse, Free, Releasable;
    }

    [LibraryImport("libc", EntryPoint = "mallinfo2")]
    private static partial AllocatorState ReadAllocator();
}
