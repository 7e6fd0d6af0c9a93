using TorchSharp;

namespace Polder.Testing;

/// <summary>Counts the tensors of the process that nobody has disposed of. Needs tests that do not run in parallel.</summary>
internal static class LiveTensors
{
    /// <summary>Asserts that there are as many live tensors after 100 calls of <paramref name="step"/> as after 10.</summary>
    public static void AssertSteady(Action step)
    {
        for (int i = 0; i < 10; i++)
            step();
        // What earlier tests left to the garbage collector must not vanish in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = torch.Tensor.TotalCount;
        for (int i = 0; i < 90; i++)
            step();
        Assert.Equal(before, torch.Tensor.TotalCount);
    }
}
