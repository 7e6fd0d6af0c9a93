using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Polder.Checkpoints.Tests;

/// <summary>Another life of the test program: it loads a checkpoint and prints its peak of resident memory, in bytes, before and after.</summary>
internal static class LargeFileLoader
{
    public const string Variable = "POLDER_TEST_LOADER";

#pragma warning disable CA2255 // a module initializer is the one place before the test framework's Main
    [ModuleInitializer]
    internal static void LoadAndLeave()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path)
            return;
        // What libtorch and the reader's own code take belongs to the start.
        using (TorchSharp.torch.Tensor small = TorchSharp.torch.zeros(1))
            Console.WriteLine(Process.GetCurrentProcess().PeakWorkingSet64);
        using (Checkpoint checkpoint = Checkpoint.Load(path))
            Console.WriteLine(Process.GetCurrentProcess().PeakWorkingSet64);
        Environment.Exit(0);
    }
#pragma warning restore CA2255
}
