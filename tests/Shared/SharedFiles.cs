namespace Polder.Testing;

/// <summary>The folder <c>shared</c> beside the repository: reference numbers, images and checkpoints that the project does not contain.</summary>
internal static class SharedFiles
{
    /// <summary>The root of the repository, found from the test's own folder upwards.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The path of a file or folder below <c>shared</c>; skips the test, saying what is missing, where it is absent.</summary>
    public static string Require(params string[] parts)
    {
        string path = Path.Combine([Repository, "..", "shared", .. parts]);
        Assert.SkipUnless(File.Exists(path) || Directory.Exists(path), $"needs shared/{string.Join('/', parts)} beside the repository");
        return Path.GetFullPath(path);
    }

    private static string FindRepository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Polder.slnx")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"no Polder.slnx above {AppContext.BaseDirectory}");
    }
}
