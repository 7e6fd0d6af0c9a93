using System.CommandLine;

namespace Polder.Cli.Files;

/// <summary><c>polder weights [NAME]</c>: the only command that uses the network, and only when it is given a name.</summary>
internal sealed class WeightsCommand : PolderCommand
{
    private readonly Argument<string?> _name = new("NAME")
    {
        Description = $"the weights to download: {string.Join(", ", PublishedWeights.All.Select(w => w.Name))}; without it they are listed",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly CliOption<Uri> _source = new(
        "--source", "URL", "the folder on the web that holds the file, for a mirror", "an http or https address", PublishedWeights.TorchVision,
        PublishedWeights.TorchVision.ToString(), ParseSource);

    public WeightsCommand()
        : base("weights", "download published ImageNet weights into the user's cache folder, or list them")
    {
        Add(_name);
        Add(Heading.Network, _source);
        Examples = ["polder weights", "polder weights resnet18", "polder finetune --data photos --weights resnet18"];
    }

    protected internal override void Run(CommandContext context)
    {
        var cache = new WeightsCache();
        if (context.Get(_name) is { } name)
            Download(context, cache, name);
        else
            List(context, cache);
    }

    private static void List(CommandContext context, WeightsCache cache)
    {
        ResultTable table = ResultTable.Of(
            "weights",
            ["name", "trained on", "file", "here"],
            PublishedWeights.All,
            w => [w.Name, w.Summary, w.FileName, cache.Find(w) is not null ? "yes" : cache.Partial(w) is > 0 and var bytes
                ? $"{bytes / 1e6:F1} MB of it" : "no"]);
        context.Finish(new Result(new
        {
            cache.Folder,
            Weights = PublishedWeights.All.Select(w => new { w.Name, w.Summary, w.FileName, Path = cache.Find(w) }),
        })
        { Blocks = [table, $"folder: {cache.Folder}"] });
    }

    private void Download(CommandContext context, WeightsCache cache, string name)
    {
        PublishedWeights weights = PublishedWeights.Find(name)
            ?? throw UserErrorException.ForOption("NAME", name, string.Join(", ", PublishedWeights.All.Select(w => w.Name)));
        bool here = cache.Find(weights) is not null;
        string path;
        try
        {
            path = context.Output.Track(weights.FileName, 1, tracker => cache.Download(
                weights, context.Get(_source),
                new Relay<DownloadProgress>(p => tracker.Report(
                    p.Total is > 0 and var total ? (double)p.Done / total : 0,
                    () => $"{p.Done / 1e6:F1}{(p.Total is { } all ? $" of {all / 1e6:F1}" : "")} MB")),
                context.Cancellation));
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException($"{cache.Partial(weights)} bytes are kept, the same command continues");
        }
        string line = $"{path}: {(here ? "was here already, " : "")}SHA-256 begins with {weights.HashPrefix} as published; use it as --weights {name}";
        context.Finish(new Result(new { weights.Name, Path = path, Downloaded = !here, Bytes = new FileInfo(path).Length }) { Blocks = [line] });
    }

    // A folder's address ends in a slash, or the file's name would take the place of its last part.
    private static bool ParseSource(string text, out Uri value)
    {
        bool allowed = Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https";
        value = address ?? PublishedWeights.TorchVision;
        return allowed;
    }
}
