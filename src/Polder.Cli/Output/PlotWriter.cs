using Polder.Checkpoints.IO;
using Polder.Cli.Hosting;
using Polder.Experiments.Reports;

namespace Polder.Cli.Output;

/// <summary>Writes the picture of <c>--plot</c>.</summary>
internal static class PlotWriter
{
    public static void Write(CommandContext context, string file, byte[] picture)
    {
        if (!PlotFont.IsAvailable)
            context.Output.Warn("no TrueType font was found under /usr/share/fonts: the plot has lines and no words");
        AtomicFile.Write(file, stream => stream.Write(picture));
    }
}
