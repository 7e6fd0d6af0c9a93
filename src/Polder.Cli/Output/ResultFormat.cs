namespace Polder.Cli.Output;

/// <summary>A form in which a result's tables are written to the file that an option names: a new one is its writer and one line here.</summary>
/// <param name="Option">The option.</param>
/// <param name="Summary">What it means.</param>
/// <param name="Text">The writer.</param>
internal sealed record ResultFormat(string Option, string Summary, Func<Result, string> Text)
{
    public static IReadOnlyList<ResultFormat> All { get; } =
    [
        new("--csv", "write the tables as comma-separated values, with unrounded numbers", ResultCsv.Text),
    ];

    /// <summary>The option of a command.</summary>
    public CliOption<string?> ToOption() => OptionOf.Text(Option, "FILE", Summary, "a file in a folder that exists", null, "");
}
