using System.Runtime.InteropServices;
using Polder.Machine;

namespace Polder.Tests.Numerics;

public partial class ProcessSetupTests
{
    [Fact]
    public void The_settings_reach_the_native_environment_and_what_the_user_has_set_wins()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the settings are those of Linux's libraries");
        Assert.True(NativeRuntime.Load().IsLoaded);
        SetEnvironment("GOMP_SPINCOUNT", "123", 1);
        SetEnvironment("TORCH_CPP_LOG_LEVEL", "WARNING", 1);
        // libtorch has read them already: the caller is told that it is too late.
        Assert.False(ProcessSetup.Apply());
        Assert.Equal(("123", "WARNING"), (Native("GOMP_SPINCOUNT"), Native("TORCH_CPP_LOG_LEVEL")));
        UnsetEnvironment("GOMP_SPINCOUNT");
        UnsetEnvironment("TORCH_CPP_LOG_LEVEL");
        ProcessSetup.Apply();
        Assert.Equal(("10000", "ERROR"), (Native("GOMP_SPINCOUNT"), Native("TORCH_CPP_LOG_LEVEL")));
    }

    private static string? Native(string name) => Marshal.PtrToStringUTF8(GetEnvironment(name));

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetEnvironment(string name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnsetEnvironment(string name);
}
