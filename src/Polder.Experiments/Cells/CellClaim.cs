using System.Text;
using System.Text.Json;

namespace Polder.Experiments.Cells;

/// <summary>What a claim's file says.</summary>
/// <param name="Owner">A name that no other claim has.</param>
/// <param name="Host">The name of the machine, for people.</param>
/// <param name="Process">The process that does the work.</param>
/// <param name="Beat">How often it was renewed: it must go on changing.</param>
/// <param name="Share">The share of the work that is done.</param>
/// <param name="Words">How it is going.</param>
internal sealed record ClaimText(string Owner, string Host, ProcessIdentity Process, long Beat, double Share, string Words)
{
    public static ClaimText? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<ClaimText>(text, ResultJson.Options);
        }
        catch (JsonException)
        {
            return null; // read while it was renewed
        }
    }
}

/// <summary>The right of this process to do a cell, as long as the file of it is there and nobody has taken the cell over.</summary>
internal sealed class CellClaim : IDisposable
{
    private readonly Func<bool> _isTakenOver;
    private ClaimText _text;
    private int _length;

    private CellClaim(string path, ClaimText text, int length, Func<bool> isTakenOver) =>
        (Path, _text, _length, _isTakenOver) = (path, text, length, isTakenOver);

    public string Path { get; }

    /// <summary>Whether the cell is another's, or done by another.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Makes the file of a claim; null where another process was first.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isTakenOver">Whether the cell is done, or a later claim is there.</param>
    public static CellClaim? TryMake(string path, Func<bool> isTakenOver)
    {
        var text = new ClaimText(System.IO.Path.GetRandomFileName(), Environment.MachineName, ProcessIdentity.Current, 0, 0, "");
        string line = ResultJson.Line(text);
        if (!AtomicFile.TryCreateText(path, line))
            return null;
        var claim = new CellClaim(path, text, line.Length, isTakenOver);
        if (!isTakenOver())
            return claim;
        claim.Dispose();
        return null;
    }

    /// <summary>Shows that the work goes on, and sees whether it is still this process's.</summary>
    public void Renew(double share, string words)
    {
        _text = _text with { Beat = _text.Beat + 1, Share = share, Words = words };
        try
        {
            // Not made anew where it is gone: whoever took it away has recorded the cell.
            using var stream = new FileStream(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
            byte[] line = Encoding.UTF8.GetBytes(ResultJson.Line(_text));
            // One write, blanks over what was longer: a reader sees the old line or the new one.
            byte[] padded = [.. line, .. Enumerable.Repeat((byte)' ', Math.Max(0, _length - line.Length))];
            _length = padded.Length;
            stream.Write(padded);
        }
        catch (FileNotFoundException)
        {
            IsLost = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A network file system may fail for a while. Where that lasts, another process takes the cell over, and this one sees it then.
        }
        IsLost |= _isTakenOver();
    }

    /// <summary>Gives the cell back, or ends what is over.</summary>
    public void Dispose() => CellFolder.DeleteQuietly(Path);
}
