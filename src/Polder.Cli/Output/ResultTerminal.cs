using Spectre.Console;

namespace Polder.Cli.Output;

/// <summary>Shows a result to people: notes and tables on standard output, warnings on standard error.</summary>
internal static class ResultTerminal
{
    public static void Write(CliOutput output, Result result)
    {
        ResultPlace form = output.Width >= result.WideFrom ? ResultPlace.Wide : ResultPlace.Narrow;
        foreach (ResultBlock block in result.Blocks.Where(b => b.In.HasFlag(form)))
        {
            if (block is ResultTable table)
                output.Result(TableOf(table, form));
            else if (block is ResultNote { IsWarning: true } warning)
                output.Warn(warning.Text);
            else if (block is ResultNote note)
                output.Result(note.Text);
        }
    }

    private static Table TableOf(ResultTable table, ResultPlace form)
    {
        var shown = new Table { Border = TableBorder.Simple };
        (int Index, ResultColumn Column)[] columns = [.. table.ColumnsIn(form)];
        foreach ((_, ResultColumn column) in columns)
        {
            var added = new TableColumn(new Text(form == ResultPlace.Wide ? column.Title : column.ShortTitle));
            shown.AddColumn(form == ResultPlace.Narrow && column.Unbroken ? added.NoWrap().PadRight(1) : added);
        }
        foreach (IReadOnlyList<ResultCell> row in table.Rows)
            shown.AddRow(columns.Select(c => row[c.Index].StandsOut ? new Text(row[c.Index].Text, new Style(Color.Red)) : new Text(row[c.Index].Text)));
        return shown;
    }
}
