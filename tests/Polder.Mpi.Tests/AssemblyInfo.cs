using static TorchSharp.torch;

// libtorch's default generator, its number of threads and the count of live tensors belong to the process.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Polder.Mpi.Tests;

/// <summary>One thread inside libtorch: sums then have one order.</summary>
internal static class Threads
{
    // The order matters: the first call of a thread takes the process's number over.
    public static void One()
    {
        _ = get_num_threads();
        set_num_threads(1);
    }
}
