using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Polder.Checkpoints.Tests;

/// <summary>
/// The other life of the test program: started with <see cref="Variable"/> it saves a checkpoint over and over until it is killed. It runs before the
/// program's own entry point, which belongs to the test framework.
/// </summary>
internal static class Saver
{
    public const string Variable = "POLDER_TEST_SAVER";

    private const int Elements = 1 << 19;

#pragma warning disable CA2255 // a module initializer is the one place before the test framework's Main
    [ModuleInitializer]
    internal static void SaveUntilKilled()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path)
            return;
        // The writer itself, fed from arrays: loading libtorch fifty times would take longer than all else.
        float[] first = new float[Elements], second = new float[Elements];
        IO.ElementType type = IO.ElementType.Of(TorchSharp.torch.ScalarType.Float32);
        Polder.Checkpoints.Safetensors.Entry[] entries =
        [
            new("first", type, [Elements], drain => drain(MemoryMarshal.AsBytes<float>(first))),
            new("second", type, [Elements], drain => drain(MemoryMarshal.AsBytes<float>(second))),
        ];
        for (int step = 1; ; step++)
        {
            Array.Fill(first, step);
            Array.Fill(second, -step);
            Polder.Checkpoints.Safetensors.Write(path, entries, new Dictionary<string, string> { ["step"] = step.ToString() });
            if (step == 1)
                Console.WriteLine("saving");
        }
    }
#pragma warning restore CA2255
}
