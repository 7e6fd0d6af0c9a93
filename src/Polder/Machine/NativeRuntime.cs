using System.Reflection;
using System.Runtime.InteropServices;

namespace Polder.Machine;

/// <summary>Whether TorchSharp's native libraries load.</summary>
/// <param name="IsLoaded">Whether they do.</param>
/// <param name="Reason">Why not, in the words of the system's loader; null where they load.</param>
/// <param name="Remedy">What to do about it; null where they load.</param>
public sealed record NativeLoad(bool IsLoaded, string? Reason, string? Remedy);

/// <summary>Facts about the native libraries below TorchSharp.</summary>
public static unsafe class NativeRuntime
{
    private static readonly Lazy<NativeLoad> Attempt = new(TryLoad);

    /// <summary>The version of libtorch that this build of TorchSharp asks for, for example 2.10.0.</summary>
    public static string LibTorchVersion
    {
        get
        {
            string version = torch.__version__;
            return Version.TryParse(version, out Version? parsed) ? parsed.ToString(3) : version;
        }
    }

    /// <summary>
    /// Loads the native libraries if nothing has yet, in the way in which TorchSharp does. Call it before the first use of TorchSharp:
    /// where loading fails, TorchSharp's own attempt copies half a gigabyte beside the program before it gives up, and then reports every
    /// path that it tried; this says the reason.
    /// </summary>
    public static NativeLoad Load() => Attempt.Value;

    /// <summary>
    /// Lets libtorch read TORCH_CPP_LOG_LEVEL from the process's environment, which in a program that is not Python nobody else asks
    /// it to do. A program that wants silence sets the variable to ERROR natively (setenv) and calls this. Does nothing where the
    /// library has no such entry.
    /// </summary>
    public static void ApplyLogLevel()
    {
        // c10::initLogging(), as GCC and Clang spell it. Loading again only counts up: it is the same library.
        if (Load().IsLoaded && NativeLibrary.TryLoad("c10", typeof(torch).Assembly, null, out nint library)
            && NativeLibrary.TryGetExport(library, "_ZN3c1011initLoggingEv", out nint initLogging))
        {
            ((delegate* unmanaged<void>)initLogging)();
        }
    }

    /// <summary>
    /// The highest version of the C++ library's interface, for example GLIBCXX_3.4.30, of the libstdc++ that the process has loaded or
    /// would load; null on systems without one.
    /// </summary>
    public static string? LibStdCxxVersion() => LibStdCxx.FindVersion();

    private static NativeLoad TryLoad()
    {
        Assembly assembly = typeof(torch).Assembly;
        foreach (string name in (string[])["torch_cpu", "LibTorchSharp"])
        {
            try
            {
                NativeLibrary.Load(name, assembly, null);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                return Failed(name, e.Message);
            }
        }
        return new NativeLoad(true, null, null);
    }

    internal static NativeLoad Failed(string library, string loaderMessage)
    {
        // The loader lists a line for each path that it tried; the one that is not about a missing file is the reason.
        string[] lines = loaderMessage.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string? reason = lines.FirstOrDefault(line => line.Contains("GLIBCXX", StringComparison.Ordinal) || line.Contains("GLIBC_", StringComparison.Ordinal))
            ?? lines.FirstOrDefault(line =>
                line.Contains("cannot open shared object file", StringComparison.Ordinal) && !line.Contains(library, StringComparison.Ordinal))
            ?? lines.FirstOrDefault(line => line.StartsWith('/') && !line.Contains("cannot open shared object file", StringComparison.Ordinal))
            ?? $"{library} is not beside the program";
        string remedy = reason.Contains("GLIBCXX", StringComparison.Ordinal)
            ? "the system's libstdc++ is older than the library: build with PolderNativeFix=always, or install libstdc++ of GCC 13 or newer"
            : "reference the libtorch package of this platform (for example libtorch-cpu-linux-x64) in the program's project";
        return new NativeLoad(false, reason, remedy);
    }
}
