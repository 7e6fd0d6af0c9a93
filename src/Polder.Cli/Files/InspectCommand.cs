using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Polder.Cli.Files;

/// <summary><c>polder inspect FILE</c>: what a checkpoint holds.</summary>
internal sealed class InspectCommand : PolderCommand
{
    private const int LongestValue = 100, LongestLine = 300;
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Argument<string> _file = CheckpointOptionsOf.File("FILE", "a checkpoint: safetensors, PyTorch (zip, legacy, tar) or NumPy");
    private readonly CliFlag _verbatim = CheckpointOptionsOf.Verbatim();
    private readonly CliOption<string?> _keyPrefix = CheckpointOptionsOf.KeyPrefix();

    public InspectCommand()
        : base("inspect", "list the tensors of a checkpoint: names, types, shapes, norms, metadata")
    {
        Add(_file);
        Add(Heading.Data, _verbatim, _keyPrefix);
        UseTorch(loads: false);
        Examples = ["polder inspect resnet20.th", "polder inspect runs/finetune-1/best.safetensors --json -"];
    }

    protected internal override void Run(CommandContext context)
    {
        CheckpointOptions options = CheckpointOptionsOf.Reading(context.Get(_verbatim), context.Get(_keyPrefix));
        CheckpointSummary checkpoint = context.Output.Track("tensors", 1, tracker => CheckpointSummary.Of(
            context.Get(_file)!, options, new Relay<(int Done, int All, string Name)>(p => tracker.Report((double)p.Done / p.All, () => p.Name)),
            context.Cancellation));
        IReadOnlyList<TensorSummary> rows = checkpoint.Tensors;
        context.Finish(new Result(new
        {
            File = checkpoint.Path,
            checkpoint.Format,
            checkpoint.Wrapper,
            checkpoint.Prefix,
            Tensors = rows.Select(r => new
            {
                r.Tensor.Name,
                Dtype = r.Tensor.Type.ToString(),
                r.Tensor.Shape,
                r.Values.Count,
                r.Values.Norm,
                r.Values.Minimum,
                r.Values.Maximum,
                r.Values.NonFinite,
            }),
            Elements = rows.Sum(r => r.Values.Count),
            Bytes = rows.Sum(r => r.Values.Bytes),
            Norm = Norm(rows),
            NonFinite = rows.Sum(r => r.Values.NonFinite),
            checkpoint.Metadata,
            checkpoint.Description,
            checkpoint.LeftOut,
        })
        { Blocks = [.. Shown(checkpoint, rows)] });
    }

    private static IEnumerable<ResultBlock> Shown(CheckpointSummary checkpoint, IReadOnlyList<TensorSummary> rows)
    {
        string taken = string.Concat(
            checkpoint.Wrapper is { } wrapper ? $", taken from '{wrapper}'" : "", checkpoint.Prefix is { } prefix ? $", prefix '{prefix}' taken off" : "");
        yield return $"{checkpoint.Path}: {checkpoint.Format}{taken}";
        foreach (string line in checkpoint.Description)
            yield return $"  {Shortened(line, LongestLine)}";
        foreach ((string key, string value) in checkpoint.Metadata)
            yield return $"  {key}: {Shortened(Readable(value), LongestValue)}";
        if (checkpoint.LeftOut.Count > 0)
            yield return $"  not read: {checkpoint.LeftOut.Count} other tensors, such as {checkpoint.LeftOut[0]} (--verbatim reads them)";
        yield return ResultTable.Of(
            "tensors",
            ["tensor", "type", "shape", "norm", new("smallest", "minimum"), new("largest", "maximum")],
            rows,
            r => [r.Tensor.Name, r.Tensor.Type.ToString(), $"[{string.Join(", ", r.Tensor.Shape)}]", Number(r.Values.Norm), Number(r.Values.Minimum),
                Number(r.Values.Maximum)]);
        yield return
            $"{rows.Count} tensors, {rows.Sum(r => r.Values.Count).ToString("N0", CultureInfo.InvariantCulture)} elements, " +
            $"{Size(rows.Sum(r => r.Values.Bytes))}, norm {Number(Norm(rows)).Text}";
        foreach ((TensorInfo tensor, TensorStatistics values) in rows.Where(r => r.Values.NonFinite > 0))
            yield return new ResultNote($"{tensor.Name}: {values.NonFinite} of {values.Count} elements are NaN or infinite") { IsWarning = true };
    }

    private static string Shortened(string text, int most) => text.Length > most ? text[..most] + "..." : text;

    // Lists of names are kept as JSON, which escapes letters.
    internal static string Readable(string value)
    {
        try
        {
            return value.StartsWith('[') && value.Contains("\\u", StringComparison.Ordinal) && JsonSerializer.Deserialize<string[]>(value) is { } names
                ? JsonSerializer.Serialize(names, Plain) : value;
        }
        catch (JsonException)
        {
            return value;
        }
    }

    private static double Norm(IReadOnlyList<TensorSummary> rows) => Math.Sqrt(rows.Sum(r => r.Values.Norm * r.Values.Norm));

    private static ResultCell Number(double? value) => value is null ? new("-", [null]) : ResultCell.Of(value, "G5");

    private static string Size(long bytes) => bytes switch
    {
        < 10_000 => $"{bytes} bytes",
        < 10_000_000 => $"{bytes / 1e3:F0} kB",
        _ => $"{bytes / 1e6:F1} MB",
    };
}
