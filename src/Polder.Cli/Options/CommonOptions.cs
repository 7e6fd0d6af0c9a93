namespace Polder.Cli.Options;

/// <summary>
/// The options that several commands share: one name, one meaning, one help text. A command passes its default and adds the
/// option to itself; a summary says the unit.
/// </summary>
internal static class CommonOptions
{
    // Where things are.

    public static CliOption<string?> Run() => OptionOf.Text(
        "--run", "DIR", "a run folder of an earlier command: model, data and settings come from it", "a run folder", null, "");

    public static CliOption<string?> Config() => OptionOf.Text(
        "--config", "FILE", "take options from a JSON file, such as the config.json of a run folder; those typed beside it win", "a JSON file", null, "");

    // Methods and their options.

    public static CliOption<string> Method(string @default, params IReadOnlyList<string> allowed) =>
        OptionOf.Choice("--method", "how the gradient is made", @default, allowed);

    public static CliOption<IReadOnlyList<string>> Methods(IReadOnlyList<string> @default, IReadOnlyList<string> allowed) =>
        OptionOf.Choices("--methods", "the methods to compare, comma-separated, or all", @default, allowed, orAll: true);

    public static CliOption<double> Sigma(double @default) => OptionOf.Number("--sigma", SigmaSummary, @default, ValueRange.AtLeast(0));

    public static CliOption<int> Pairs(int @default = 1) => OptionOf.Count(
        "--pairs", "antithetic noise pairs a step: two gradients each (nso)", @default, ValueRange.AtLeast(1));

    public static CliOption<int> Draws(int @default = 1) => OptionOf.Count(
        "--draws", "noise draws a step: one gradient each (wp)", @default, ValueRange.AtLeast(1));

    // Training.

    public static CliOption<double> LearningRate(double @default) =>
        OptionOf.Number("--learning-rate", LearningRateSummary, @default, ValueRange.AtLeast(0));

    public static CliOption<double?> LearningRate(string defaultText) =>
        OptionOf.OptionalNumber("--learning-rate", LearningRateSummary, defaultText, ValueRange.AtLeast(0));

    public static CliOption<int> BatchSize(int @default) =>
        OptionOf.Count("--batch-size", BatchSizeSummary, @default, ValueRange.AtLeast(1));

    // Repeatability and the machine.

    public static CliOption<long> Seed(long @default = 0) => OptionOf.Long(
        "--seed", "seed of everything random: split, order, new weights, noise", @default, ValueRange.AtLeast(0));

    public static CliOption<IReadOnlyList<long>> Seeds(string @default = "0") =>
        SeedList.TryParse(@default, out IReadOnlyList<long> seeds)
            ? new("--seeds", "0..4|0,3,7", "one run a seed: a range, both ends included, or a list", SeedList.Allowed, seeds, @default, SeedList.TryParse)
            : throw new ArgumentException(OptionErrors.Found("--seeds", @default, SeedList.Allowed), nameof(@default));

    public static CliOption<int?> Threads() => OptionOf.OptionalCount(
        "--threads", "threads of the tensor library", "one a processor core; training on digits: 1", ValueRange.Between(1, 4096));

    // Results.

    public static CliOption<string?> Out(string command) => OptionOf.Text(
        "--out", "DIR", "the run folder to make: it must not exist or be empty", "a folder", null, $"runs/{command}-N, the next free N");

    public static CliOption<string?> Json() => OptionOf.Text(
        "--json", "FILE|-", "write the result as one JSON object; with - standard output carries it and nothing else", "a file name or -", null, "");

    public static CliOption<string?> Plot() => new(
        "--plot", "FILE", "draw the result; the ending tells the format", "a file name that ends in .svg or .png", null, "",
        (string text, out string? value) => Path.GetExtension(value = text).ToLowerInvariant() is ".svg" or ".png");

    public static CliFlag Quiet() => new("--quiet", "no progress on standard error");

    public static CliFlag Verbose() => new("--verbose", "say on standard error why things are done as they are");

    private const string SigmaSummary = "standard deviation of the weight noise, in units of the weights (wp, nso)";
    private const string LearningRateSummary = "learning rate of the base optimizer";
    private const string BatchSizeSummary = "images a batch";
}
