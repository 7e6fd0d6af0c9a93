using System.CommandLine;

namespace Polder.Cli.Files;

/// <summary>Arguments and options of the commands about checkpoint files.</summary>
internal static class CheckpointOptionsOf
{
    public static Argument<string> File(string name, string description) => new(name) { Description = description, Arity = ArgumentArity.ExactlyOne };

    public static CliFlag Verbatim() => new(
        "--verbatim", "keep the file as it is: nothing is taken out of state_dict and the like, no common prefix (module.) is taken off");

    public static CheckpointOptions Reading(bool verbatim) => verbatim ? CheckpointOptions.Verbatim : new CheckpointOptions();
}
