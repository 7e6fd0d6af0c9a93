using System.CommandLine;
using System.CommandLine.Help;
using Spectre.Console;

namespace Polder.Cli.Hosting;

/// <summary>The help pages: what the command is for, how it is typed, every option with its default and its allowed values.</summary>
internal static class HelpPage
{
    /// <summary>Columns that a page uses at most: longer lines are hard to read.</summary>
    private const int MaxWidth = 110;

    public static void Write(IAnsiConsole console, Command command)
    {
        int width = Math.Clamp(console.Profile.Width, 24, MaxWidth);
        TextWriter writer = console.Profile.Out.Writer;
        foreach (string line in Lines(command, width))
            writer.WriteLine(line);
    }

    internal static IEnumerable<string> Lines(Command command, int width)
    {
        string name = command is RootCommand ? "polder" : "polder " + command.Name;
        foreach (string line in Wrap($"{name}: {command.Description}", width, ""))
            yield return line;
        yield return "";
        yield return command is RootCommand ? "Usage: polder COMMAND [options]" : $"Usage: {name}{Arguments(command)} [options]";

        if (command.Subcommands.Count > 0)
        {
            foreach (string line in Section("Commands", [.. command.Subcommands.Select(c => (c.Name, c.Description ?? ""))], width))
                yield return line;
        }
        if (command.Arguments.Count > 0)
        {
            foreach (string line in Section("Arguments", [.. command.Arguments.Select(a => (a.Name, a.Description ?? ""))], width))
                yield return line;
        }
        foreach (string line in command is PolderCommand ? UnderHeadings(command, width) : Section("Options", [.. command.Options.Select(Row)], width))
            yield return line;

        if (command is RootCommand)
        {
            foreach (string line in RootNotes(width))
                yield return line;
        }
        else if (command is PolderCommand { Examples.Count: > 0 } polderCommand)
        {
            yield return "";
            yield return "Examples:";
            foreach (string example in polderCommand.Examples)
                yield return "  " + example;
        }
    }

    private static IEnumerable<string> RootNotes(int width)
    {
        yield return "";
        foreach (string line in Wrap(
            "polder COMMAND --help says the options of a command. Results go to standard output, progress and messages to standard error.", width, ""))
            yield return line;
        foreach (string line in Section(
            "Exit codes",
            [("0", "done"), ("2", "wrong input: one line says what was found and what is allowed"), ("130", "stopped by Ctrl-C: the line says what was kept"),
                ("1", "a defect of polder: please report it")],
            width))
        {
            yield return line;
        }
    }

    private static string Arguments(Command command) =>
        string.Concat(command.Arguments.Select(a => " " + a.Name + (a.Arity.MaximumNumberOfValues > 1 ? "..." : "")));

    private static IEnumerable<string> UnderHeadings(Command command, int width)
    {
        ICliOption[] options = [.. command.Options.OfType<ICliOption>()];
        int left = options.Max(option => Left(option).Length);
        return options.GroupBy(o => o.Heading).OrderBy(g => g.Key).SelectMany(group => Section(
            $"{group.Key}", [.. group.Select(o => (Left(o), Describe(o))), .. group.Key == Heading.Running ? [Help] : Array.Empty<(string, string)>()],
            width, left));
    }

    private static (string Left, string Right) Help => ("--help", "show this page");

    private static (string Left, string Right) Row(Option option) => option switch
    {
        HelpOption => Help,
        VersionOption => ("--version", "show the version"),
        _ => (option.Name, option.Description ?? ""),
    };

    private static string Left(ICliOption option) => $"{option.Name} {option.Placeholder}".TrimEnd();

    private static string Describe(ICliOption option)
    {
        string[] notes = [option.Allowed, option.DefaultText.Length > 0 ? "default: " + option.DefaultText : ""];
        string note = string.Join("; ", notes.Where(n => n.Length > 0));
        return note.Length > 0 ? $"{option.Summary} ({note})" : option.Summary;
    }

    private static IEnumerable<string> Section(string title, IReadOnlyList<(string Left, string Right)> rows, int width, int widest = 0)
    {
        yield return "";
        yield return title + ":";
        int left = Math.Min(Math.Max(widest, rows.Max(row => row.Left.Length)), width / 3) + 4;
        foreach ((string name, string text) in rows)
        {
            string first = ("  " + name).PadRight(left);
            bool fits = first.Length == left && first.EndsWith(' ');
            if (!fits)
                yield return "  " + name;
            foreach ((int i, string line) in Wrap(text, width - left, "").Index())
                yield return (i == 0 && fits ? first : new string(' ', left)) + line;
        }
    }

    private static IEnumerable<string> Wrap(string text, int width, string indent)
    {
        string line = "";
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return indent + line;
                line = "";
            }
            line += line.Length > 0 ? " " + word : word;
        }
        yield return indent + line;
    }
}
