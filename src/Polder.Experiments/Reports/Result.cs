namespace Polder.Experiments.Reports;

/// <summary>
/// What is shown of a piece of work, before anybody knows where: lines and tables in their order, and the members of its JSON object.
/// Terminal, CSV and JSON are written from it, once each.
/// </summary>
/// <param name="Members">The members of the JSON object: an anonymous object, a record or a dictionary.</param>
public sealed record Result(object Members)
{
    /// <summary>Notes and tables in the order in which they are read.</summary>
    public IReadOnlyList<ResultBlock> Blocks { get; init; } = [];

    /// <summary>Characters of a line from which the wide form is shown. Default 0: there is one form.</summary>
    public int WideFrom { get; init; }

    /// <summary>The tables that programs read.</summary>
    public IEnumerable<ResultTable> DataTables => Blocks.OfType<ResultTable>().Where(t => t.In.HasFlag(ResultPlace.Programs));
}

/// <summary>Where a part of a result is for.</summary>
[Flags]
public enum ResultPlace
{
    /// <summary>Nowhere.</summary>
    None = 0,

    /// <summary>The form for people with room.</summary>
    Wide = 1,

    /// <summary>The form for people without: a narrow terminal.</summary>
    Narrow = 2,

    /// <summary>Both forms for people.</summary>
    People = Wide | Narrow,

    /// <summary>Files for programs, such as CSV.</summary>
    Programs = 4,

    /// <summary>Everywhere.</summary>
    Everywhere = People | Programs,
}

/// <summary>A note or a table.</summary>
public abstract record ResultBlock
{
    /// <summary>Where it is shown. Default everywhere.</summary>
    public ResultPlace In { get; init; } = ResultPlace.Everywhere;

    /// <summary>A line of text as a note.</summary>
    /// <param name="text">The line.</param>
    public static implicit operator ResultBlock(string text) => new ResultNote(text);
}

/// <summary>A line of text for people.</summary>
/// <param name="Text">The line, without its end.</param>
public sealed record ResultNote(string Text) : ResultBlock
{
    /// <summary>Whether it is something to be careful about.</summary>
    public bool IsWarning { get; init; }
}
