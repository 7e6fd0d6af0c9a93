using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Polder.Machine;

/// <summary>What the processor is and can do.</summary>
public static class ProcessorFacts
{
    private const int TilesBit = 1 << 22;

    /// <summary>The processor's name as its maker writes it; the kind of processor where the system does not tell.</summary>
    public static string Name { get; } = FindName();

    /// <summary>The vector instruction sets that this process can use, from narrow to wide.</summary>
    public static IReadOnlyList<string> VectorInstructionSets { get; } =
    [
        .. new (string Name, bool IsSupported)[]
        {
            ("SSE4.2", Sse42.IsSupported), ("AVX", Avx.IsSupported), ("FMA", Fma.IsSupported), ("AVX2", Avx2.IsSupported),
            ("AVX-512F", Avx512F.IsSupported), ("AVX-512BW", Avx512BW.IsSupported), ("AVX-512DQ", Avx512DQ.IsSupported),
            ("AdvSimd", AdvSimd.IsSupported),
        }.Where(set => set.IsSupported).Select(set => set.Name),
    ];

    /// <summary>Whether the processor multiplies whole tiles of bf16 numbers (AMX-BF16).</summary>
    public static bool HasBFloat16Tiles { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= 7 && (X86Base.CpuId(7, 0).Edx & TilesBit) != 0;

    /// <summary>Whether the processor multiplies bf16 numbers by instructions of its own (AVX512-BF16, AMX-BF16; on Arm BF16, as Linux tells it).</summary>
    public static bool HasBFloat16 { get; } = FindBFloat16();

    private static bool FindBFloat16()
    {
        if (X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= 7)
            return (Avx512F.IsSupported && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0) || HasBFloat16Tiles;
        const string LinuxFile = "/proc/cpuinfo";
        return AdvSimd.IsSupported && File.Exists(LinuxFile)
            && File.ReadLines(LinuxFile).Any(line => line.StartsWith("Features", StringComparison.Ordinal) && line.Split(' ').Contains("bf16"));
    }

    private static string FindName()
    {
        const string LinuxFile = "/proc/cpuinfo", LinuxField = "model name";
        if (OperatingSystem.IsLinux() && File.Exists(LinuxFile))
        {
            string? line = File.ReadLines(LinuxFile).FirstOrDefault(l => l.StartsWith(LinuxField, StringComparison.Ordinal));
            if (line is not null)
                return line[(line.IndexOf(':') + 1)..].Trim();
        }
        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
