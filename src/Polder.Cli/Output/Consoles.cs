using System.Text;
using Spectre.Console;

namespace Polder.Cli.Output;

/// <summary>The two streams of the program, and the raw standard output for JSON.</summary>
/// <param name="Results">Standard output.</param>
/// <param name="Messages">Standard error.</param>
/// <param name="Live">Whether standard error can show a display that redraws itself.</param>
internal sealed record Consoles(IAnsiConsole Results, IAnsiConsole Messages, bool Live)
{
    /// <summary>Columns of a table that goes to a pipe or a file: no terminal wraps it there.</summary>
    private const int PipeWidth = 200;

    /// <summary>Streams that lead nowhere.</summary>
    public static Consoles Silent
    {
        get
        {
            IAnsiConsole nowhere = Create(TextWriter.Null, redirected: true, plain: true);
            return new Consoles(nowhere, nowhere, Live: false);
        }
    }

    /// <summary>The streams of this process.</summary>
    public static Consoles OfProcess()
    {
        if (OperatingSystem.IsWindows())
            Console.OutputEncoding = Encoding.UTF8;
        bool dumb = Environment.GetEnvironmentVariable("TERM") == "dumb";
        // Open MPI gives a rank a terminal of its own, which nobody sees: what it writes there is collected into the launcher's streams.
        bool launched = MpiJob.SizeOfLauncher is not null;
        bool plain = dumb || launched || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        IAnsiConsole results = Create(Console.Out, Console.IsOutputRedirected || launched, plain);
        IAnsiConsole messages = Create(Console.Error, Console.IsErrorRedirected || launched, plain);
        return new Consoles(results, messages, Live: !plain && !Console.IsErrorRedirected && messages.Profile.Capabilities.Ansi);
    }

    private static IAnsiConsole Create(TextWriter writer, bool redirected, bool plain)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected || plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected || plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected || plain ? InteractionSupport.No : InteractionSupport.Yes,
        });
        if (redirected)
            console.Profile.Width = PipeWidth;
        return console;
    }
}
