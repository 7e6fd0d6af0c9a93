using Polder.Machine;


namespace Polder.Tests.Numerics;

public class NativeRuntimeTests
{
    [Fact]
    public void The_native_libraries_of_this_build_load() =>
        Assert.True(NativeRuntime.Load().IsLoaded, NativeRuntime.Load().Reason);

    [Fact]
    public void The_version_of_libtorch_has_three_numbers() => Assert.Equal(3, NativeRuntime.LibTorchVersion.Split('.').Length);

    [Fact]
    public void The_highest_version_is_compared_by_number() =>
        Assert.Equal("GLIBCXX_3.4.30", LibStdCxx.HighestVersion("\0GLIBCXX_3.4\0GLIBCXX_3.4.9\0GLIBCXX_3.4.30\0GLIBCXX_DEBUG_MESSAGE_LENGTH\0"));

    [Fact]
    public void A_library_without_versions_has_none() => Assert.Null(LibStdCxx.HighestVersion("\0nothing\0"));

    [Fact]
    public void An_old_standard_library_is_named_with_its_remedy()
    {
        NativeLoad load = NativeRuntime.Failed(
            "LibTorchSharp",
            "Unable to load shared library 'LibTorchSharp'.\n/a/LibTorchSharp.so: cannot open shared object file: No such file or directory\n"
            + "/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /a/libLibTorchSharp.so)\n");

        Assert.False(load.IsLoaded);
        Assert.StartsWith("/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found", load.Reason);
        Assert.Contains("PolderNativeFix", load.Remedy);
    }
}
