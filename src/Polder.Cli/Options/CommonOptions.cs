using Polder.Settings;


namespace Polder.Cli.Options;

/// <summary>
/// The options that several commands share: one name, one meaning, one help text. A command passes its default and adds the
/// option to itself; a summary says the unit.
/// </summary>
internal static class CommonOptions
{
    // Where things are.

    public static CliOption<string?> Data(string? @default = null) => OptionOf.Text(
        "--data", "DIR|NAME", "the images: a folder with one folder a class, a CIFAR binary folder, or a built-in set (digits); a folder of that name is ./digits",
        "a folder or the name of a built-in set", @default, @default ?? "");

    public static CliOption<string?> Weights() => OptionOf.Text(
        "--weights", "FILE|NAME", "the weights: safetensors or PyTorch (.pth, .pt, .th), or published ones by name (polder weights)",
        "a checkpoint file or the name of downloaded weights", null, "");

    public static CliOption<string?> Architecture(params IReadOnlyList<string> allowed) => new(
        "--arch", "NAME", "the network's architecture", allowed.Count > 0 ? string.Join(", ", allowed) : "the name of an architecture", null,
        "the one that the weights name", (string text, out string? value) => (value = text).Length > 0 && (allowed.Count == 0 || allowed.Contains(text)));

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

    public static CliOption<double?> Sigma(string defaultText) => OptionOf.OptionalNumber("--sigma", SigmaSummary, defaultText, ValueRange.AtLeast(0));

    public static CliOption<int> Pairs(int @default = 1) => OptionOf.Count(
        "--pairs", "antithetic noise pairs a step: two gradients each (nso)", @default, ValueRange.AtLeast(1));

    public static CliOption<int> Draws(int @default = 1) => OptionOf.Count(
        "--draws", "noise draws a step: one gradient each (wp)", @default, ValueRange.AtLeast(1));

    public static CliOption<double?> Rho(string defaultText) => OptionOf.OptionalNumber(
        "--rho", "radius of the ascent step, in units of the weights (sam)", defaultText, ValueRange.AtLeast(0));

    // Training.

    public static CliOption<string> Optimizer(string @default = "sgd") =>
        OptionOf.Choice("--optimizer", "the base optimizer", @default, "sgd", "adam", "adamw");

    public static CliOption<double> LearningRate(double @default) =>
        OptionOf.Number("--learning-rate", LearningRateSummary, @default, ValueRange.AtLeast(0));

    public static CliOption<double?> LearningRate(string defaultText) =>
        OptionOf.OptionalNumber("--learning-rate", LearningRateSummary, defaultText, ValueRange.AtLeast(0));

    public static CliOption<double> Momentum(double @default = 0.9) =>
        OptionOf.Number("--momentum", "momentum of sgd, a fraction", @default, ValueRange.HalfOpen(0, 1));

    public static CliOption<double> WeightDecay(double @default) =>
        OptionOf.Number("--weight-decay", WeightDecaySummary, @default, ValueRange.AtLeast(0));

    public static CliOption<double?> WeightDecay(string defaultText) =>
        OptionOf.OptionalNumber("--weight-decay", WeightDecaySummary, defaultText, ValueRange.AtLeast(0));

    public static CliOption<int> Epochs(int @default) =>
        OptionOf.Count("--epochs", EpochsSummary, @default, ValueRange.AtLeast(1));

    public static CliOption<int?> Epochs(string defaultText) =>
        OptionOf.OptionalCount("--epochs", EpochsSummary, defaultText, ValueRange.AtLeast(1));

    public static CliOption<int> BatchSize(int @default) =>
        OptionOf.Count("--batch-size", BatchSizeSummary, @default, ValueRange.AtLeast(1));

    public static CliOption<int?> BatchSize(string defaultText) =>
        OptionOf.OptionalCount("--batch-size", BatchSizeSummary, defaultText, ValueRange.AtLeast(1));

    public static CliOption<int?> ImageSize(string defaultText = "the one that the weights or the architecture name") =>
        OptionOf.OptionalCount("--image-size", "side of the images that the network sees, in pixels", defaultText, ValueRange.Between(8, 4096));

    public static CliOption<string> Augment(string @default = "none") => OptionOf.Choice(
        "--augment", "random changes of the training images", @default, "none", "flip", "crop-flip", "resized-crop");

    public static CliFlag SkipUnreadable() => new("--skip-unreadable", "leave out images that cannot be decoded, and count them");

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
    private const string WeightDecaySummary = "weight decay of the base optimizer, per step";
    private const string EpochsSummary = "passes through the training data";
    private const string BatchSizeSummary = "images a batch";
}
