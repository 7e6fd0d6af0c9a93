using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Polder.Testing;

/// <summary>
/// Lets libtorch's threads sleep while they wait for each other, before it is loaded. By default they spin, and where other test projects
/// use the same cores, a spinning thread takes the time of the one it waits for: a step of milliseconds then takes a second.
/// </summary>
internal static partial class PatientThreads
{
    [ModuleInitializer]
    internal static void Apply()
    {
        if (OperatingSystem.IsLinux())
            _ = SetEnvironment("OMP_WAIT_POLICY", "PASSIVE", overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
