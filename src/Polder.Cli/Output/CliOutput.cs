using Spectre.Console;
using Spectre.Console.Rendering;

namespace Polder.Cli.Output;

/// <summary>Where a command writes: results to standard output, everything else to standard error.</summary>
internal sealed class CliOutput
{
    private readonly Consoles _consoles;
    private readonly bool _jsonOnly;

    public CliOutput(Consoles consoles, bool quiet, bool verbose, bool jsonOnly)
    {
        _consoles = consoles;
        _jsonOnly = jsonOnly;
        IsQuiet = quiet;
        IsVerbose = verbose;
    }

    /// <summary>Says nothing to nobody.</summary>
    public static CliOutput Silent => new(Consoles.Silent, quiet: true, verbose: false, jsonOnly: false);

    public bool IsQuiet { get; }

    public bool IsVerbose { get; }

    /// <summary>Characters that a line of results has room for.</summary>
    public int Width => _consoles.Results.Profile.Width;

    /// <summary>A table, a line or any other renderable for people, on standard output; nothing where that carries JSON.</summary>
    public void Result(IRenderable renderable)
    {
        if (_jsonOnly)
            return;
        _consoles.Results.Write(renderable);
    }

    /// <summary>A line of text for people, on standard output, as it is (no mark-up).</summary>
    public void Result(string line)
    {
        if (!_jsonOnly)
            WriteLine(_consoles.Results, line);
    }

    /// <summary>Text for programs, on standard output, byte by byte as it is.</summary>
    public void Raw(string text)
    {
        if (!_jsonOnly)
            Json(text);
    }

    /// <summary>Something that a user should know, on standard error, also with <c>--quiet</c>.</summary>
    public void Warn(string message) => WriteLine(_consoles.Messages, $"polder: warning: {message}");

    /// <summary>A line on standard error that <c>--quiet</c> silences.</summary>
    public void Info(string message)
    {
        if (!IsQuiet)
            WriteLine(_consoles.Messages, message);
    }

    /// <summary>The why, on standard error, only with <c>--verbose</c>.</summary>
    public void Verbose(string message)
    {
        if (IsVerbose)
            WriteLine(_consoles.Messages, message);
    }

    /// <summary>
    /// Shows the progress of <paramref name="work"/>: a live line on a terminal, else one plain line every few seconds. Write results
    /// when it has returned: the live line belongs to the terminal until then. Warnings and other messages may come at any time.
    /// </summary>
    public T Track<T>(string title, double total, Func<IProgressTracker, T> work)
    {
        if (IsQuiet)
            return work(SilentProgress.Instance);
        if (_consoles.Live)
            return LiveProgress.Run(_consoles.Messages, title, total, work);
        return work(new PlainProgress(line => WriteLine(_consoles.Messages, line), TimeProvider.System, title, total));
    }

    /// <inheritdoc cref="Track{T}"/>
    public void Track(string title, double total, Action<IProgressTracker> work) => Track(title, total, tracker =>
    {
        work(tracker);
        return true;
    });

    /// <summary>The JSON object on standard output.</summary>
    public void Json(string text)
    {
        // Not through the console: it would wrap at the terminal's width.
        _consoles.Results.Profile.Out.Writer.Write(text);
        _consoles.Results.Profile.Out.Writer.Flush();
    }

    // On a terminal the live display must know of the line, so it goes through the console; elsewhere nothing may wrap it.
    private static void WriteLine(IAnsiConsole console, string line)
    {
        if (console.Profile.Out.IsTerminal)
            console.Write(new Text(line + "\n"));
        else
            console.Profile.Out.Writer.WriteLine(line);
    }
}
