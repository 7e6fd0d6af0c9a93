using System.Runtime.InteropServices;
using TorchSharp;

namespace Polder.Cli.Hosting;

/// <summary>The machine as the JSON results name it.</summary>
/// <param name="Os">Name and version of the operating system.</param>
/// <param name="Processor">Name of the processor.</param>
/// <param name="Threads">Threads of the tensor library, or of .NET where the command computes without it.</param>
/// <param name="Libtorch">Version of libtorch; null where the command does not load it.</param>
internal sealed record RuntimeEnvironment(string Os, string Processor, int Threads, string? Libtorch)
{
    /// <summary>Asks the system and, where it is in use, libtorch.</summary>
    public static RuntimeEnvironment Describe(bool usesTorch) => new(
        RuntimeInformation.OSDescription,
        ProcessorFacts.Name,
        usesTorch ? torch.get_num_threads() : Environment.ProcessorCount,
        usesTorch ? NativeRuntime.LibTorchVersion : null);
}
