using System.Security.Cryptography;

namespace Polder.Vision.Models.Weights;

/// <summary>
/// The folder of downloaded weights. Nothing is ever downloaded unless <see cref="Download"/> is called. A file is in the folder under its published
/// name only after its hash has been found right; what a broken download left is kept beside it and continued.
/// </summary>
public sealed class WeightsCache
{
    /// <summary>The environment variable that names another folder.</summary>
    public const string FolderVariable = "POLDER_CACHE";

    /// <summary>Names a cache folder; it is made by the first download.</summary>
    /// <param name="folder">The folder; null: <c>POLDER_CACHE</c>, else the user's own cache folder.</param>
    public WeightsCache(string? folder = null) => Folder = folder ?? DefaultFolder;

    /// <summary>The folder.</summary>
    public string Folder { get; }

    private static string DefaultFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } chosen)
                return chosen;
            if (OperatingSystem.IsWindows())
                return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "polder", "weights");
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            // XDG base directories; macOS has a folder of its own.
            string caches = OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches")
                : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg) ? xdg
                : Path.Combine(home, ".cache");
            return Path.Combine(caches, "polder", "weights");
        }
    }

    /// <summary>Where the weights are, or will be.</summary>
    /// <param name="weights">Published weights.</param>
    public string PathOf(PublishedWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return Path.Combine(Folder, weights.FileName);
    }

    /// <summary>The file of downloaded weights; null where they are not here.</summary>
    /// <param name="weights">Published weights.</param>
    public string? Find(PublishedWeights weights) => File.Exists(PathOf(weights)) ? PathOf(weights) : null;

    /// <summary>
    /// The file that a value stands for: the file of that path, downloaded weights by their name, or those of the package
    /// (<see cref="PackagedWeights"/>). A file of such a name is reached as <c>./NAME</c>.
    /// </summary>
    /// <param name="weights">A path, a name of <see cref="PublishedWeights.All"/>, or <see cref="PackagedWeights.Name"/>.</param>
    /// <exception cref="SettingException">Weights of a name that are not here: nothing is fetched unasked.</exception>
    public static string Locate(string weights) => weights == PackagedWeights.Name ? PackagedWeights.Located
        : PublishedWeights.Find(weights) is not { } published ? weights
        : new WeightsCache().Find(published)
            ?? throw new SettingException("weights", $"{weights}, whose published weights are not here", $"a file; polder weights {weights} downloads them");

    /// <summary>Whether a value is a name of weights and no path.</summary>
    /// <param name="weights">A path or a name.</param>
    public static bool IsName(string weights) => weights == PackagedWeights.Name || PublishedWeights.Find(weights) is not null;

    /// <summary>Opens the weights that a value stands for (<see cref="Locate"/>).</summary>
    /// <param name="weights">A path or a name.</param>
    /// <param name="keyPrefix">The beginning of the names that are meant, where a file holds several networks; null: found out.</param>
    /// <returns>The weights; the caller owns them.</returns>
    /// <exception cref="SettingException">Weights of a name that are not here.</exception>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public static Checkpoint Open(string weights, string? keyPrefix = null) => weights == PackagedWeights.Name ? PackagedWeights.Open()
        : Checkpoint.Load(Locate(weights), new CheckpointOptions { KeyPrefix = keyPrefix });

    /// <summary>Bytes that a broken download left and the next will continue; 0 where there are none.</summary>
    /// <param name="weights">Published weights.</param>
    public long Partial(PublishedWeights weights) => new FileInfo(PartialPath(weights)) is { Exists: true } file ? file.Length : 0;

    /// <summary>
    /// Fetches weights, continuing what an earlier attempt left, and puts them into the cache when their SHA-256 begins as their name says. Weights
    /// that are here already are checked against their hash, and the network is not used.
    /// </summary>
    /// <param name="weights">What to fetch.</param>
    /// <param name="source">The address of the folder that holds the file; null: <see cref="PublishedWeights.TorchVision"/>.</param>
    /// <param name="progress">Told how far the download is.</param>
    /// <param name="cancellation">Stops; what has come so far is kept.</param>
    /// <returns>The file.</returns>
    /// <exception cref="DataException">The server cannot be reached or refuses, the connection breaks, or the hash is wrong (then nothing is kept).</exception>
    public string Download(
        PublishedWeights weights, Uri? source = null, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        string path = PathOf(weights);
        if (File.Exists(path))
        {
            Check(weights, path, path, "delete it and download it again");
            return path;
        }
        Uri address = new(source ?? PublishedWeights.TorchVision, weights.FileName);
        string partial = PartialPath(weights);
        try
        {
            Directory.CreateDirectory(Folder);
            // Held until the end: two processes must not write to one file.
            using (var file = new FileStream(partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
            {
                new Transfer(address, file, progress).Run(cancellation);
                file.Flush(flushToDisk: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException(partial, $"cannot be written: {e.Message}", e);
        }
        try
        {
            Check(weights, partial, address.ToString(), "nothing was kept");
        }
        catch (DataException)
        {
            // Continuing a wrong file would never make it right.
            File.Delete(partial);
            throw;
        }
        File.Move(partial, path, overwrite: true);
        return path;
    }

    private string PartialPath(PublishedWeights weights) => PathOf(weights) + ".part";

    private static void Check(PublishedWeights weights, string file, string name, string consequence)
    {
        string found;
        using (FileStream stream = File.OpenRead(file))
            found = Convert.ToHexStringLower(SHA256.HashData(stream));
        if (!found.StartsWith(weights.HashPrefix, StringComparison.Ordinal))
            throw new DataException(name,
                $"is not the published file: its SHA-256 begins with {found[..weights.HashPrefix.Length]}, allowed: {weights.HashPrefix}; {consequence}");
    }
}

/// <summary>How far a download is.</summary>
/// <param name="Done">Bytes that are here, those of earlier attempts included.</param>
/// <param name="Total">Bytes of the whole file; null where the server does not say.</param>
public readonly record struct DownloadProgress(long Done, long? Total);
