using System.Diagnostics;

namespace Polder.EndToEnd;

/// <summary>A disk in memory that is soon full. Where the system does not let a test make one, it is skipped and says why.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _size;

    private SmallDisk(string path, string size) => (Path, _size) = (path, size);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Makes one in an empty folder, or skips the test.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="size">Its size, such as 2m.</param>
    public static SmallDisk Require(string path, string size)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "a small disk is made of tmpfs, which only root of Linux may mount");
        Directory.CreateDirectory(path);
        (int code, string error) = Run("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", path);
        Assert.SkipWhen(code != 0, $"no tmpfs here: {error.Trim()}");
        return new SmallDisk(path, size);
    }

    /// <summary>Makes it larger; what is on it stays.</summary>
    public void Grow(string size)
    {
        (int code, string error) = Run("mount", "-o", $"remount,size={size}", Path);
        Assert.True(code == 0, $"{_size} to {size}: {error}");
    }

    /// <inheritdoc/>
    public void Dispose() => Run("umount", Path);

    private static (int Code, string Error) Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }
}
