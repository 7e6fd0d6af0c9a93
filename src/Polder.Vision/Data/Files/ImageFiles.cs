namespace Polder.Vision.Data.Files;

/// <summary>Walks folders for images: a folder is read once, however many links lead to it, and what other programs leave behind is skipped.</summary>
internal sealed class ImageFiles
{
    private static readonly HashSet<string> LeftByOthers = new(StringComparer.OrdinalIgnoreCase)
    {
        "__MACOSX", "__pycache__", "@eaDir", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information",
            "lost+found",
    };

    private static readonly EnumerationOptions Visible = new() { AttributesToSkip = FileAttributes.System | FileAttributes.Hidden, IgnoreInaccessible = false };
    private readonly Dictionary<string, string> _read = new(StringComparer.Ordinal);
    private readonly List<string> _otherwiseNamed = [];

    /// <summary>Images by their content that were passed over, since their ending is none of an image.</summary>
    public IReadOnlyList<string> OtherwiseNamed => _otherwiseNamed;

    /// <summary>The folders in a folder by code points.</summary>
    public static List<string> Folders(string folder) => List(folder, Directory.GetDirectories);

    /// <summary>The images in a folder and not deeper, by code points.</summary>
    public static List<string> Loose(string folder) => [.. List(folder, Directory.GetFiles).Where(IsImage)];

    /// <summary>The images in a folder and a little deeper, for a folder that is not read.</summary>
    public static List<string> Glimpse(string folder, int depth = 3) =>
        [.. Loose(folder), .. Folders(folder).Where(_ => depth > 0).SelectMany(below => Glimpse(below, depth - 1))];

    /// <summary>The images of a folder and those below, by code points of their paths.</summary>
    /// <exception cref="DataException">A folder cannot be read, or a link leads to a folder that is read already or that holds the link.</exception>
    public List<string> Under(string folder)
    {
        var images = new List<string>();
        Walk(folder, Real(folder), images);
        images.Sort(StringComparer.Ordinal);
        return images;
    }

    /// <summary>Whether there may be an image of a kind that we know of, perhaps one that cannot be decoded: that is named when its turn comes.</summary>
    private static bool IsImage(string path) =>
        Path.GetExtension(path) is var ending && (ImageDecoder.Endings.Contains(ending) || ImageDecoder.ForeignEndings.Contains(ending));

    private void Walk(string folder, string real, List<string> images)
    {
        if (!_read.TryAdd(real, folder))
            throw new DataException(folder, $"is {_read[real]} again, by a link; each folder is read once, so remove the link");
        foreach (string file in List(folder, Directory.GetFiles))
        {
            if (IsImage(file))
                images.Add(file);
            else if (ImageDecoder.IsImage(file))
                _otherwiseNamed.Add(file);
        }
        foreach (string below in Folders(folder))
        {
            string target = new DirectoryInfo(below).LinkTarget is null ? Path.Combine(real, Path.GetFileName(below)) : Real(below);
            if ((real + Path.DirectorySeparatorChar)
                .StartsWith(Path.TrimEndingDirectorySeparator(target) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new DataException(below, $"is a link to {target}, which holds it: it would be read for ever, so remove the link");
            Walk(below, target, images);
        }
    }

    private static List<string> List(string folder, Func<string, string, EnumerationOptions, string[]> list)
    {
        try
        {
            return
            [
                .. list(folder, "*", Visible).Where(path => Path.GetFileName(path) is var name && name[0] != '.' && !LeftByOthers.Contains(name))
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException(folder, ImageDecoder.Unreadable(folder, "folder", e), e);
        }
    }

    // Without links on the way.
    private static string Real(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is not { } parent)
            return full;
        (parent, string name) = (Real(parent), Path.GetFileName(full));
        string real = Path.Combine(parent, name);
        return new DirectoryInfo(real).LinkTarget is { } target ? Real(Path.Combine(parent, target)) : real;
    }
}
