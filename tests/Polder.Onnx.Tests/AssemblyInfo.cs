// libtorch's default generator, its number of threads and the count of live tensors belong to the process.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Polder.Onnx.Tests;

/// <summary>
/// One thread inside libtorch, except where a test says otherwise: these networks are too small to share, and waiting for a thread
/// that another program has displaced takes most of the time.
/// </summary>
internal static class Threads
{
    [System.Runtime.CompilerServices.ModuleInitializer]
    internal static void One() => TorchSharp.torch.set_num_threads(1);
}
