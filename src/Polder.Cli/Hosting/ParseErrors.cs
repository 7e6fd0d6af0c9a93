using System.CommandLine;
using System.CommandLine.Parsing;

namespace Polder.Cli.Hosting;

/// <summary>Turns what the parser found wrong into one line.</summary>
internal static class ParseErrors
{
    /// <summary>The first thing wrong with a command line; null where nothing is.</summary>
    public static string? Describe(ParseResult parse)
    {
        if (parse.Errors.Count == 0)
            return null;
        Command command = parse.CommandResult.Command;
        if (parse.UnmatchedTokens.Count > 0)
            return Unknown(parse.UnmatchedTokens[0], command);

        ParseError error = parse.Errors[0];
        if (command.Arguments.FirstOrDefault(a => a.Arity.MinimumNumberOfValues > 0 && parse.GetResult(a) is not { Tokens.Count: > 0 }) is { } missing)
            return OptionErrors.Found(missing.Name, "", missing.Description ?? "a value");
        OptionResult? option = error.SymbolResult as OptionResult ?? error.SymbolResult?.Parent as OptionResult;
        if (option?.Option is not ICliOption known || error.Message.StartsWith(known.Name + ":", StringComparison.Ordinal))
            return error.Message;
        return option.Tokens.Count switch
        {
            0 => OptionErrors.Found(known.Name, "", known.Allowed),
            1 => error.Message,
            _ => OptionErrors.Found(known.Name, $"{option.Tokens.Count} values", "one: " + known.Allowed),
        };
    }

    private static string Unknown(string token, Command command)
    {
        string name = command is PolderCommand ? "polder " + command.Name : "polder";
        if (!token.StartsWith('-'))
        {
            return command.Subcommands.Count > 0
                ? $"{token}: no command of polder, {DidYouMean(token, command.Subcommands.Select(c => c.Name))}"
                    + $"allowed: {string.Join(", ", command.Subcommands.Select(c => c.Name))}"
                : $"{token}: {name} takes no such argument, see {name} --help";
        }
        string option = token.Split('=')[0];
        if (command.Options.Any(o => o.Name == option))
            return $"{option}: found before the command, allowed: after it, as in polder {command.Name} {option} ...";
        return $"{option}: no option of {name}, {DidYouMean(option, command.Options.Select(o => o.Name))}see {name} --help";
    }

    private static string DidYouMean(string typed, IEnumerable<string> names) =>
        Nearest(typed, names) is { } nearest ? $"did you mean {nearest}? " : "";

    /// <summary>The name that takes the fewest edits, if those are few for its length; null otherwise.</summary>
    internal static string? Nearest(string typed, IEnumerable<string> names)
    {
        string core = typed.TrimStart('-');
        return names
            .Select(name => (Name: name, Core: name.TrimStart('-')))
            .Select(n => (n.Name, Distance: n.Core.StartsWith(core, StringComparison.Ordinal) && core.Length >= 2 ? 1 : Distance(core, n.Core), n.Core.Length))
            .Where(n => n.Distance <= Math.Max(1, Math.Min(core.Length, n.Length) / 3))
            .OrderBy(n => n.Distance).ThenBy(n => n.Name, StringComparer.Ordinal)
            .Select(n => n.Name).FirstOrDefault();
    }

    // Edits of optimal string alignment: insert, delete, replace, swap neighbours.
    private static int Distance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }
                int change = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
