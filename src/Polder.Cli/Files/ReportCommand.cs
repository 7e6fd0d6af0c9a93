using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Polder.Cli.Files;

/// <summary><c>polder report PATH</c>: the page of a run, a comparison, a measurement or a folder of them.</summary>
internal sealed class ReportCommand : PolderCommand
{
    private readonly Argument<string> _path = new("PATH")
    {
        HelpName = "PATH",
        Description = "a run folder, a result that --json wrote, or a folder of them",
    };

    private readonly CliOption<string?> _out = OptionOf.Text(
        "--out", "FILE", "the page to write, over an earlier one", "a file name", null, "report.html in the folder; beside a file the same name with .html");

    private readonly CliFlag _open = new("--open", "open the page in the browser");
    private readonly CliFlag _noPictures = new("--no-pictures", "leave the images of the run out of the page: for images that must not be passed on");

    public ReportCommand()
        : base("report", "show a run, a comparison, a measurement or a folder of them as one offline page for the browser")
    {
        Add(_path);
        Add(Heading.Output, _out, _open, _noPictures);
        ShowsTables = false;
        Examples =
        [
            "polder report runs/finetune-1 --open",
            "polder report runs",
            "polder hessian --run runs/finetune-1 --density --json hessian.json && polder report hessian.json",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        string path = context.Get(_path)!;
        Page page = ReportPages.Of(path, !context.Get(_noPictures));
        string file = context.Get(_out) ?? ReportPages.PlaceOf(path);
        long bytes = page.Write(file);
        context.SetEffective(_out, file);
        context.Finish(new Result(new { File = file, Bytes = bytes, page.Kind })
        {
            Blocks = [page.Lead, FormattableString.Invariant($"{file}: {page.Kind}, {bytes / 1e3:F0} kB")],
        });
        if (context.Get(_open))
            Open(context, Path.GetFullPath(file));
    }

    private static void Open(CommandContext context, string file)
    {
        try
        {
            string opener = OperatingSystem.IsMacOS() ? "open" : "xdg-open";
            using Process? process = OperatingSystem.IsWindows()
                ? Process.Start(new ProcessStartInfo(file) { UseShellExecute = true })
                : Process.Start(new ProcessStartInfo(opener, [file]) { RedirectStandardError = true, RedirectStandardOutput = true });
            // It hands the page over and ends; one that stays is a browser.
            if (process is not null && !OperatingSystem.IsWindows() && process.WaitForExit(TimeSpan.FromSeconds(5)) && process.ExitCode != 0)
                context.Output.Warn($"{opener} could not open {file} (exit code {process.ExitCode}): open it in a browser");
        }
        catch (Exception e) when (e is ExternalException or InvalidOperationException or PlatformNotSupportedException)
        {
            context.Output.Warn($"nothing was found that opens {file} ({e.Message}): open it in a browser");
        }
    }
}
