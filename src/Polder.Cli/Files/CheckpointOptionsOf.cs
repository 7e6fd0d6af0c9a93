using System.CommandLine;

namespace Polder.Cli.Files;

/// <summary>Arguments and options of the commands about checkpoint files.</summary>
internal static class CheckpointOptionsOf
{
    public static Argument<string> File(string name, string description) => new(name) { Description = description, Arity = ArgumentArity.ExactlyOne };

    public static CliFlag Verbatim() => new(
        "--verbatim", "keep the file as it is: nothing is taken out of state_dict and the like, no common prefix (module.) is taken off");

    public static CliOption<string?> KeyPrefix() => OptionOf.Text(
        "--key-prefix", "PREFIX", "read the tensors whose names begin so, without that beginning", "the beginning of names of tensors", null, "all tensors");

    public static CheckpointOptions Reading(bool verbatim, string? keyPrefix) =>
        (verbatim ? CheckpointOptions.Verbatim : new CheckpointOptions()) with { KeyPrefix = keyPrefix };
}
