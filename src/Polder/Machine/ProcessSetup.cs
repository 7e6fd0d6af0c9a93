using System.Runtime.InteropServices;

namespace Polder.Machine;

/// <summary>
/// Settings that native libraries read once, as they are loaded. They are a program's business: a library that changed the allocator
/// or the environment of its host unasked would surprise it. What the user has set wins.
/// </summary>
public static partial class ProcessSetup
{
    /// <summary>Glibc's numbers of the two settings (malloc.h).</summary>
    private const int TrimThreshold = -1, MmapThreshold = -3;

    // Bytes. Glibc takes at most 32 MiB as the threshold for mapped blocks on 64 bits.
    private const int KeptBlock = 32 << 20;

    // By default 300 000. On two cores a comparison on the demo took 5.2, 4.3 and 4.4 s with 0, 10 000 and 300 000 (means of two runs), and
    // beside four busy processes 14, 24 and 55 s.
    private const string Spins = "10000";

    /// <summary>
    /// Makes training faster on this machine, most of all beside other programs. Call it as the first statement of a program, before
    /// anything of TorchSharp is used; it does nothing but on Linux. Three things are set, unless the user's environment has them:
    /// </summary>
    /// <remarks>
    /// <para>
    /// GOMP_SPINCOUNT (not where OMP_WAIT_POLICY is set): how often a thread of libtorch looks before it sleeps, where it waits for another.
    /// By default it looks for so long that, where another process wants the cores, it takes them from the thread that it waits for: two
    /// threads can then be many times slower than one. Asleep at once it would be woken too slowly.
    /// </para>
    /// <para>
    /// The allocator's thresholds (not where MALLOC_MMAP_THRESHOLD_ or MALLOC_TRIM_THRESHOLD_ is set): blocks of up to 32 MiB stay in the
    /// process when they are freed. A training step frees and asks for the same blocks again and again; given back to the kernel each
    /// time, their pages must be zeroed and mapped anew.
    /// </para>
    /// <para>
    /// TORCH_CPP_LOG_LEVEL to ERROR: libtorch keeps its warnings to itself once <see cref="NativeRuntime.ApplyLogLevel"/> has let it read the level.
    /// </para>
    /// </remarks>
    /// <returns>Whether all of it takes effect: false on other systems, and where libtorch was loaded before, which has read its settings already.</returns>
    public static bool Apply()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        // The environment that .NET shows is a copy of its own; native libraries read the process's.
        SetDefault("TORCH_CPP_LOG_LEVEL", "ERROR");
        if (!IsSet("OMP_WAIT_POLICY"))
            SetDefault("GOMP_SPINCOUNT", Spins);
        if (!IsSet("MALLOC_MMAP_THRESHOLD_") && !IsSet("MALLOC_TRIM_THRESHOLD_"))
            KeepFreedMemory();
        return !File.ReadLines("/proc/self/maps").Any(line => line.Contains("/libtorch", StringComparison.Ordinal));
    }

    private static void SetDefault(string name, string value)
    {
        if (SetEnvironment(name, value, overwrite: 0) == 0 && !IsSet(name))
            Environment.SetEnvironmentVariable(name, value);
    }

    private static bool IsSet(string name) => Environment.GetEnvironmentVariable(name) is not null;

    private static void KeepFreedMemory()
    {
        try
        {
            _ = MallocOption(MmapThreshold, KeptBlock);
            _ = MallocOption(TrimThreshold, int.MaxValue);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library (musl): its allocator has no such settings.
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallocOption(int option, int value);
}
