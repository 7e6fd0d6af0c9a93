namespace Polder.Experiments.Pages;

/// <summary>A part of a page with a heading.</summary>
/// <param name="Title">The heading.</param>
/// <param name="Blocks">What is below it.</param>
internal sealed record PageSection(string Title, params IReadOnlyList<PageBlock> Blocks)
{
    /// <summary>A shorter heading for the list of sections; null: the heading.</summary>
    public string? ShortTitle { get; init; }
}

/// <summary>A piece of a page.</summary>
internal abstract record PageBlock
{
    /// <summary>A paragraph.</summary>
    public static implicit operator PageBlock(string text) => new PageText(text);
}

/// <summary>A paragraph.</summary>
/// <param name="Text">Plain text.</param>
internal sealed record PageText(string Text) : PageBlock
{
    /// <summary>Whether it is something to be careful about.</summary>
    public bool IsWarning { get; init; }
}

/// <summary>A figure in large type.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Value">The number with its unit.</param>
/// <param name="Detail">Its interval or what else belongs to it.</param>
internal sealed record PageFigure(string Label, string Value, string Detail = "");

/// <summary>Figures beside each other.</summary>
/// <param name="Figures">The figures.</param>
internal sealed record PageFigures(params IReadOnlyList<PageFigure> Figures) : PageBlock;

/// <summary>Names with values.</summary>
/// <param name="Entries">The names and values.</param>
internal sealed record PageEntries(IReadOnlyList<(string Name, string Value)> Entries) : PageBlock;

/// <summary>A table that a reader may sort.</summary>
/// <param name="Caption">What it shows.</param>
/// <param name="Table">The table; its cells' first values are what it is sorted by.</param>
internal sealed record PageTable(string Caption, ResultTable Table) : PageBlock
{
    /// <summary>Where the first cell of each row leads; null: nowhere.</summary>
    public IReadOnlyList<string?>? Links { get; init; }

    /// <summary>A line that opens the table, which is closed at first; null: it is open.</summary>
    public string? Folded { get; init; }
}

/// <summary>Text for a command line or a file, with a button that copies it.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Text">The text.</param>
internal sealed record PageCode(string Label, string Text) : PageBlock
{
    /// <summary>A line that opens it; null: it is open.</summary>
    public string? Folded { get; init; }
}

/// <summary>Blocks beside each other where there is room.</summary>
/// <param name="Blocks">The blocks.</param>
internal sealed record PageColumns(params IReadOnlyList<PageBlock> Blocks) : PageBlock;

/// <summary>Cells of colors by the share of their row, with counts.</summary>
/// <param name="Caption">What it shows.</param>
/// <param name="Rows">The names of the rows, which are the true classes.</param>
/// <param name="Columns">The names of the columns, the predicted classes; those of the rows come first, in their order.</param>
/// <param name="Counts">[row][column].</param>
/// <param name="Totals">What a row's counts are a share of.</param>
internal sealed record PageMatrix(
    string Caption, IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<long>> Counts, IReadOnlyList<long> Totals)
    : PageBlock;

/// <summary>A function over a square grid as colors.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Alt">The same for those who do not see it.</param>
/// <param name="Positions">The coordinates of the grid, rising, on both axes alike.</param>
/// <param name="Values">[i][j] is the value at x = positions[i], y = positions[j]; one that is not finite stays empty.</param>
internal sealed record PageSurface(string Title, string Alt, IReadOnlyList<double> Positions, IReadOnlyList<IReadOnlyList<double>> Values) : PageBlock;

/// <summary>A picture with words.</summary>
/// <param name="Uri">The picture as a data URI; null where it is not there.</param>
/// <param name="Alt">What it is, for those who do not see it.</param>
/// <param name="Title">The first line below it.</param>
/// <param name="Detail">The second.</param>
internal sealed record PagePicture(string? Uri, string Alt, string Title, string Detail = "")
{
    /// <summary>Whether the title is an error.</summary>
    public bool IsWrong { get; init; }
}

/// <summary>Pictures in rows.</summary>
/// <param name="Pictures">The pictures.</param>
internal sealed record PagePictures(IReadOnlyList<PagePicture> Pictures) : PageBlock;
