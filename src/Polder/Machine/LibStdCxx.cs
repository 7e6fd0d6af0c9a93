using System.Text.RegularExpressions;

namespace Polder.Machine;

/// <summary>Finds the system's C++ library and what it offers.</summary>
internal static partial class LibStdCxx
{
    private const string FileName = "libstdc++.so.6";

    private static readonly string[] Folders =
        ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"];

    /// <summary>The highest GLIBCXX version of the loaded library, or of the one in the usual folders.</summary>
    public static string? FindVersion()
    {
        string? path = LoadedPath() ?? Folders.Select(folder => Path.Combine(folder, FileName)).FirstOrDefault(File.Exists);
        try
        {
            return path is null ? null : HighestVersion(System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(path)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A library names every version that it defines in its string table.</summary>
    internal static string? HighestVersion(string text)
    {
        Version? highest = VersionName().Matches(text).Select(match => Version.Parse(match.Groups[1].Value)).DefaultIfEmpty().Max();
        return highest is null ? null : $"GLIBCXX_{highest}";
    }

    private static string? LoadedPath()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        // A line ends in the path of the mapped file.
        string? line = File.ReadLines("/proc/self/maps").FirstOrDefault(l => l.Contains("/" + FileName, StringComparison.Ordinal));
        return line?[line.IndexOf('/')..];
    }

    [GeneratedRegex(@"\0GLIBCXX_(3\.4(?:\.[0-9]{1,3})?)(?=\0)")]
    private static partial Regex VersionName();
}
