namespace Polder.Cli.Output;

/// <summary>Writes the picture of <c>--plot</c>.</summary>
internal static class PlotWriter
{
    public static void Write(CliOutput output, string file, byte[] picture)
    {
        if (!PlotFont.IsAvailable)
            output.Warn("no TrueType font was found under /usr/share/fonts: the plot has lines and no words");
        AtomicFile.Write(file, stream => stream.Write(picture));
    }
}
