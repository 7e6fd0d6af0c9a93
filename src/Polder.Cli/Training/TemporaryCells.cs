namespace Polder.Cli.Training;

/// <summary>
/// A copy of a folder of cells below the system's temporary folder, which goes when it is disposed of: to see what finished runs of an earlier study would
/// spare, and to write nothing where the study is.
/// </summary>
internal sealed class TemporaryCells : IDisposable
{
    /// <summary>Makes the copy.</summary>
    /// <param name="original">The folder; null: there is none yet, and the copy is empty.</param>
    public TemporaryCells(string? original)
    {
        Cells = new CellFolder(Directory.CreateTempSubdirectory("polder-cells-").FullName);
        if (original is null)
            return;
        foreach (string file in Directory.EnumerateFiles(original, "*.json").Where(file => !Path.GetFileName(file).StartsWith('.')))
            File.Copy(file, Path.Combine(Cells.Path, Path.GetFileName(file)));
    }

    /// <summary>The copy.</summary>
    public CellFolder Cells { get; }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Cells.Path, recursive: true);
}
