using System.CommandLine;
using System.Text.Json;
using TorchSharp;

namespace Polder.Cli.Measuring;

/// <summary><c>polder predict PATH...</c>: what images show.</summary>
internal sealed class PredictCommand : PolderCommand
{
    private const int DefaultTop = 3, MostRows = 50;

    private readonly Argument<string[]> _paths = new("PATH") { Description = "images, and folders of them", Arity = ArgumentArity.OneOrMore };
    private readonly ModelOptions _model;
    private readonly CliOption<int> _top = OptionOf.Count("--top", "classes that are shown of an image, the most probable first", DefaultTop,
        ValueRange.AtLeast(1));
    private readonly CliOption<string> _format = OptionOf.Choice(
        "--format", "table for people; csv (path,rank,class,probability) or jsonl, one object an image", "table", "table", "csv", "jsonl");

    private readonly CliOption<string?> _out = OptionOf.Text("--out", "FILE", "write csv or jsonl to a file", "a file", null, "standard output");
    private readonly CliOption<string?> _features = OptionOf.Text(
        "--features", "FILE", "write what the head sees of each image, one row an image, to a safetensors file", "a file", null, "not written");

    private readonly CliFlag _skipUnreadable = FieldOption.Flag("skip-unreadable");

    public PredictCommand()
        : base("predict", "say what images show: the most probable classes with their probabilities")
    {
        Add(_paths);
        _model = new ModelOptions(this, writesFeatures: true) { WeightsBesideRun = true };
        _model.AddPrecision(this);
        _model.AddSamples(this);
        Add(Heading.Data, _skipUnreadable);
        Add(Heading.Output, _top, _format, _out, _features);
        UseTorch();
        Examples =
        [
            "polder predict photo.jpg --run runs/finetune-1",
            "polder predict photos more.png --weights best.safetensors --format csv --out predictions.csv",
            "polder predict photos --run runs/finetune-1 --features features.safetensors --format csv --out predictions.csv",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        string format = context.Get(_format)!;
        if (context.IsGiven(_out) && format == "table")
            throw UserErrorException.ForOption("--format", "table", "csv or jsonl, where --out names a file");
        if (context.Get(_out) is { } file)
            OutputFile.RequireFolder(_out.Name, file);
        if (context.Get(_features) is { } featureFile)
            OutputFile.RequireFolder(_features.Name, featureFile);
        if (format != "table" && !context.IsGiven(_out) && context.Get(context.JsonOption) == "-")
            throw UserErrorException.ForOption("--json", "-", "a file name: standard output carries the predictions");
        IReadOnlyList<string> files = Predictor.Files(context.Get(_paths)!);
        (TrainedClassifier trained, RunFolder? run) = _model.Open(context);
        using TrainedClassifier owner = trained;
        if (trained.Network.Channels != 3)
            throw new UserErrorException($"{trained.Source}: takes gray images, allowed: a network of colour images");
        if (run?.Images is { } images && files.AsParallel().AsOrdered()
            .Where(f => images.PartOfFile(f) is { } part && run.FittedParts.Contains(part)).ToArray() is { Length: > 0 } known)
            context.Output.Warn($"{known.Length} of {files.Count} image(s) were trained on, and tell nothing of new ones: "
                + $"{string.Join(", ", known.Take(3))}{(known.Length > 3 ? ", ..." : "")}");
        (WeightPosterior Posterior, int Samples)? drawn = _model.PosteriorOf(context, trained, run);
        using WeightPosterior? posterior = drawn?.Posterior;
        if (posterior is not null && context.Get(_features) is { } wanted)
            throw UserErrorException.ForOption(_features.Name, wanted, "nothing with --samples: features are those of one network");
        var predictor = new Predictor(trained)
        {
            Posterior = posterior,
            Samples = drawn?.Samples ?? 1,
            Top = context.Get(_top),
            BatchSize = _model.BatchSize(context),
            Precision = _model.PrecisionOf(context),
            SkipUnreadable = context.Get(_skipUnreadable),
            KeepFeatures = context.Get(_features) is not null,
        };
        var predictions = new List<Prediction>(files.Count);
        double start = context.Seconds;
        context.Output.Track("images", files.Count, tracker =>
        {
            foreach (Prediction prediction in predictor.Predict(files, context.Cancellation))
            {
                predictions.Add(prediction);
                tracker.Report(predictions.Count, () => $"{predictions.Count} of {files.Count}, {predictions.Count / (context.Seconds - start):F0} images/s");
            }
        });
        foreach (Prediction failed in predictions.Where(p => p.Error is not null))
            context.Output.Warn(failed.Error!);
        Result result = ResultOf(trained.Source!, predictions, showsTable: format == "table");
        if (format != "table")
            WriteText(context, format == "csv" ? ResultCsv.Text(result.DataTables.Single(), "\n")
                : string.Concat(predictions.Select(p => ResultJson.Line(p) + "\n")), predictions.Count);
        WriteFeatures(context, trained, predictions);
        context.Finish(result);
    }

    internal static Result ResultOf(string weights, IReadOnlyList<Prediction> predictions, bool showsTable) => new(new
    {
        Weights = weights,
        Count = predictions.Count(p => p.Error is null),
        Unreadable = predictions.Count(p => p.Error is not null),
        Predictions = predictions,
    })
    {
        Blocks =
        [
            ResultTable.Of(
                "shown", ["image", "most probable classes"], predictions.Take(MostRows),
                p => [p.Path, p.Error is not null ? "cannot be decoded" : string.Join(", ", p.Top.Select(t => $"{t.Class} {t.Probability:P1}"))])
                with { In = showsTable ? ResultPlace.People : ResultPlace.None },
            .. showsTable && predictions.Count > MostRows ? (ResultBlock[])[$"and {predictions.Count - MostRows} more (--format csv or jsonl has all)"] : [],
            ResultTable.Of(
                "predictions", ["path", "rank", "class", "probability"],
                predictions.SelectMany(p => p.Error is not null ? [(p.Path, 0, null)]
                    : p.Top.Select((top, i) => (p.Path, Rank: i + 1, Top: (ClassProbability?)top))),
                row => row.Top is null ? [row.Path, ResultCell.None, ResultCell.None, ResultCell.None]
                    : [row.Path, row.Rank, row.Top.Class, $"{row.Top.Probability:G9}"])
                with { In = ResultPlace.Programs },
        ],
    };

    // Rows are in the order of the predictions; files that could not be decoded have none.
    private void WriteFeatures(CommandContext context, TrainedClassifier trained, List<Prediction> predictions)
    {
        if (context.Get(_features) is not { } file)
            return;
        Prediction[] read = [.. predictions.Where(p => p.Features is not null)];
        int width = (int)trained.Network.Head.in_features;
        using torch.Tensor matrix = torch.tensor((float[])[.. read.SelectMany(p => p.Features!)], [read.Length, width]);
        Safetensors.Write(file, [("features", matrix)], new Dictionary<string, string>
        {
            ["paths"] = JsonSerializer.Serialize(read.Select(p => p.Path)),
            ["weights"] = trained.Source!,
        });
        context.Output.Info($"{file}: features of {read.Length} images, {width} each");
    }

    private void WriteText(CommandContext context, string text, int images)
    {
        if (context.Get(_out) is { } file)
        {
            AtomicFile.WriteText(file, text);
            context.Output.Result($"{file}: {images} images");
        }
        else
        {
            context.Output.Raw(text);
        }
    }
}
