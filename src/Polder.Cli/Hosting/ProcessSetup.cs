using System.Runtime.InteropServices;

namespace Polder.Cli.Hosting;

/// <summary>
/// Settings that native libraries read once, as they are loaded. They are a program's business: a library that changed the allocator
/// or the environment of its host would surprise it. What the user has set wins.
/// </summary>
internal static partial class ProcessSetup
{
    /// <summary>Glibc's numbers of the two settings (malloc.h).</summary>
    private const int TrimThreshold = -1, MmapThreshold = -3;

    /// <summary>
    /// Bytes: blocks below stay in the process when they are freed. A training step frees and asks for the same blocks (tens of
    /// megabytes) again and again; given back to the kernel each time, their pages must be zeroed and mapped anew. Glibc takes at most
    /// 32 MiB as the threshold for mapped blocks on 64 bits.
    /// </summary>
    private const int KeptBlock = 32 << 20;

    /// <summary>
    /// How often a thread of libtorch looks before it sleeps, where it waits for another. By default 300 000 times: where another process
    /// wants the cores, it takes them from the thread that it waits for. Asleep at once it is woken too slowly. On two cores a comparison
    /// on the demo took 5.2, 4.3 and 4.4 s with 0, 10 000 and 300 000 (means of two runs), and beside four busy processes 14, 24 and 55 s.
    /// </summary>
    private const string Spins = "10000";

    public static void Apply()
    {
        if (!OperatingSystem.IsLinux())
            return;
        // The environment that .NET shows is a copy of its own; native libraries read the process's. libtorch reads the level when
        // NativeRuntime.ApplyLogLevel asks it to.
        SetDefault("TORCH_CPP_LOG_LEVEL", "ERROR");
        if (!IsSet("OMP_WAIT_POLICY"))
            SetDefault("GOMP_SPINCOUNT", Spins);
        if (!IsSet("MALLOC_MMAP_THRESHOLD_") && !IsSet("MALLOC_TRIM_THRESHOLD_"))
            KeepFreedMemory();
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
