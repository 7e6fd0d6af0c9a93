using System.Runtime.InteropServices;

namespace Polder.Checkpoints.IO;

/// <summary>What came of a <see cref="HardLink"/>.</summary>
internal enum LinkResult
{
    /// <summary>The file has the name now.</summary>
    Made,

    /// <summary>Something else has the name.</summary>
    Taken,

    /// <summary>It was not made for another reason, such as a file system that has no links.</summary>
    Failed,
}

/// <summary>
/// A second name for a file: the one operation that gives a whole file a name only where the name is free, on local and network file systems.
/// </summary>
internal static partial class HardLink
{
    // EEXIST of Linux and macOS, ERROR_ALREADY_EXISTS of Windows.
    private const int TakenOnUnix = 17, TakenOnWindows = 183;

    /// <summary>Gives a file a second name.</summary>
    public static LinkResult Create(string file, string name)
    {
        bool made = OperatingSystem.IsWindows() ? CreateHardLink(name, file, 0) : Link(file, name) == 0;
        return made ? LinkResult.Made : Marshal.GetLastPInvokeError() is TakenOnUnix or TakenOnWindows ? LinkResult.Taken : LinkResult.Failed;
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Link(string file, string name);

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", StringMarshalling = StringMarshalling.Utf16, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateHardLink(string name, string file, nint reserved);
}
