using Spectre.Console;

namespace Polder.Cli.Output;

/// <summary>Shows a result to people: notes and tables on standard output, warnings on standard error.</summary>
internal static class ResultTerminal
{
    // What Spectre's simple border puts around a cell, and at the start of a line.
    private const int AroundCell = 3, Start = 1;

    public static void Write(CliOutput output, Result result)
    {
        ResultPlace form = output.Width >= result.WideFrom ? ResultPlace.Wide : ResultPlace.Narrow;
        foreach (ResultBlock block in result.Blocks.Where(b => b.In.HasFlag(form)))
        {
            if (block is ResultTable table)
                Write(output, table, form);
            else if (block is ResultNote { IsWarning: true } warning)
                output.Warn(warning.Text);
            else if (block is ResultNote note)
                output.Result(note.Text);
        }
    }

    // As a table where every word has room on a line of its column, so that no number is broken; else a line a value.
    private static void Write(CliOutput output, ResultTable table, ResultPlace form)
    {
        (int Index, ResultColumn Column)[] columns = [.. table.ColumnsIn(form)];
        string[] titles = [.. columns.Select(c => form == ResultPlace.Wide ? c.Column.Title : c.Column.ShortTitle)];
        int[] whole = WidthsOf(text => text.Length), words = WidthsOf(text => text.Split(' ').Max(word => Math.Max(1, word.Length)));
        int room = output.Width - Start - (AroundCell * columns.Length);
        if (words.Sum() > room)
        {
            WriteLines();
            return;
        }
        var shown = new Table { Border = TableBorder.Simple };
        int[] widths = whole.Sum() <= room ? whole : Share(Share(words, CellsOf(text => text.Length), room), whole, room);
        for (int i = 0; i < columns.Length; i++)
        {
            var added = new TableColumn(new Text(titles[i]));
            if (whole.Sum() > room)
                added.Width = widths[i];
            shown.AddColumn(form == ResultPlace.Narrow && columns[i].Column.Unbroken && widths[i] == whole[i] ? added.NoWrap().PadRight(1) : added);
        }
        foreach (IReadOnlyList<ResultCell> row in table.Rows)
            shown.AddRow(columns.Select(c => row[c.Index].StandsOut ? new Text(row[c.Index].Text, new Style(Color.Red)) : new Text(row[c.Index].Text)));
        output.Result(shown);

        int[] CellsOf(Func<string, int> length) => [.. columns.Select(c => table.Rows.Select(row => length(row[c.Index].Text)).Prepend(0).Max())];

        int[] WidthsOf(Func<string, int> length) => [.. CellsOf(length).Zip(titles, (cell, title) => Math.Max(cell, length(title)))];

        void WriteLines()
        {
            int longest = titles.Max(title => title.Length);
            foreach (IReadOnlyList<ResultCell> row in table.Rows)
            {
                output.Result("");
                foreach (((int index, _), string title) in columns.Zip(titles).Where(c => row[c.First.Index].Text.Length > 0))
                {
                    string value = row[index].Text;
                    bool fits = longest + 1 + value.Length <= output.Width;
                    output.Result(fits || title.Length == 0 ? $"{title.PadRight(longest)} {value}" : $"{title}\n  {value}");
                }
            }
            output.Result("");
        }
    }

    // Every column has room for its longest word; what is left makes cells whole, then titles: a character to the column that would be highest.
    private static int[] Share(int[] least, int[] wanted, int room)
    {
        int[] widths = [.. least];
        for (int left = room - least.Sum(); left > 0; left--)
        {
            int highest = Enumerable.Range(0, widths.Length).MaxBy(i => (double)wanted[i] / widths[i]);
            if (widths[highest] >= wanted[highest])
                break;
            widths[highest]++;
        }
        return widths;
    }
}
