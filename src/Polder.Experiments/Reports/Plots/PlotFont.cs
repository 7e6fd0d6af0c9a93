using ScottPlot;
using SkiaSharp;

namespace Polder.Experiments.Reports;

/// <summary>
/// A font for plots. The Linux build of Skia that needs nothing of the system does not look for fonts either, so that text would be
/// missing without a word; there the folders where Linux keeps fonts are searched.
/// </summary>
public static class PlotFont
{
    private const string Name = "Polder plot";

    private static readonly string[] Preferred = ["DejaVuSans", "LiberationSans-Regular", "NotoSans-Regular", "Ubuntu-R", "FreeSans", "Cantarell-Regular"];

    private static readonly Lazy<bool> Registration = new(Register);

    /// <summary>Whether text can be drawn on this machine; where it cannot, plots have lines and no words.</summary>
    public static bool IsAvailable => SystemHasFonts || Registration.Value;

    // A Skia that finds no font still has a default typeface, one without glyphs.
    private static bool SystemHasFonts => SKTypeface.Default is { GlyphCount: > 0 };

    /// <summary>Sets the font of a plot's texts where the system's own cannot be found by the drawing library.</summary>
    internal static void Apply(Plot plot)
    {
        if (SystemHasFonts || !Registration.Value)
            return;
        plot.Font.Set(Name);
        // The one file has no bold face.
        plot.Axes.Title.Label.Bold = plot.Axes.Left.Label.Bold = plot.Axes.Bottom.Label.Bold = false;
        // Words within the axes are not reached by setting the plot's font.
        foreach (ScottPlot.Plottables.Text text in plot.GetPlottables<ScottPlot.Plottables.Text>())
            text.LabelFontName = Name;
        // Nor is a color bar reached by setting the plot's font.
        foreach (ScottPlot.Panels.ColorBar bar in plot.Axes.GetPanels().OfType<ScottPlot.Panels.ColorBar>())
        {
            bar.LabelStyle.FontName = bar.Axis.TickLabelStyle.FontName = bar.Axis.Label.FontName = Name;
            bar.LabelStyle.Bold = bar.Axis.Label.Bold = false;
        }
    }

    private static bool Register()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string[] folders = ["/usr/share/fonts", "/usr/local/share/fonts", Path.Combine(home, ".local/share/fonts"), Path.Combine(home, ".fonts")];
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, MatchCasing = MatchCasing.CaseInsensitive };
        string[] files = [.. folders.Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.ttf", options))
            .Order(StringComparer.Ordinal)];
        string? file = Preferred.Select(name => files.FirstOrDefault(f => Path.GetFileNameWithoutExtension(f) == name)).FirstOrDefault(f => f is not null)
            ?? files.FirstOrDefault();
        if (file is null)
            return false;
        Fonts.AddFontFile(Name, file, bold: false, italic: false);
        return true;
    }
}
