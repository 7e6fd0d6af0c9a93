using System.CommandLine;
using System.Globalization;

namespace Polder.Cli.Files;

/// <summary><c>polder inspect FILE</c>: what a checkpoint holds.</summary>
internal sealed class InspectCommand : PolderCommand
{
    private const int LongestValue = 100;

    private readonly Argument<string> _file = CheckpointOptionsOf.File("FILE", "a checkpoint: safetensors, PyTorch (zip, legacy, tar) or NumPy");
    private readonly CliFlag _verbatim = CheckpointOptionsOf.Verbatim();

    public InspectCommand()
        : base("inspect", "list the tensors of a checkpoint: names, types, shapes, norms, metadata")
    {
        Add(_file);
        Add(Heading.Data, _verbatim);
        UseTorch();
        Examples = ["polder inspect resnet20.th", "polder inspect runs/finetune-1/best.safetensors --json -"];
    }

    protected internal override void Run(CommandContext context)
    {
        using Checkpoint checkpoint = Checkpoint.Load(context.Get(_file)!, CheckpointOptionsOf.Reading(context.Get(_verbatim)));
        List<(TensorInfo Tensor, TensorStatistics Values)> rows = context.Output.Track("tensors", checkpoint.Tensors.Count, tracker =>
        {
            var found = new List<(TensorInfo, TensorStatistics)>();
            foreach ((string name, var tensor) in checkpoint.Tensors)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                tracker.Report(found.Count, () => name);
                found.Add((new TensorInfo(name, tensor.dtype, tensor.shape), TensorStatistics.Of(tensor)));
            }
            return found;
        });
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
            checkpoint.LeftOut,
        })
        { Blocks = [.. Shown(checkpoint, rows)] });
    }

    private static IEnumerable<ResultBlock> Shown(Checkpoint checkpoint, List<(TensorInfo Tensor, TensorStatistics Values)> rows)
    {
        string taken = string.Concat(
            checkpoint.Wrapper is { } wrapper ? $", taken from '{wrapper}'" : "", checkpoint.Prefix is { } prefix ? $", prefix '{prefix}' taken off" : "");
        yield return $"{checkpoint.Path}: {checkpoint.Format}{taken}";
        foreach ((string key, string value) in checkpoint.Metadata)
            yield return $"  {key}: {(value.Length > LongestValue ? value[..LongestValue] + "..." : value)}";
        if (checkpoint.LeftOut.Count > 0)
            yield return $"  not read: {checkpoint.LeftOut.Count} tensors outside '{checkpoint.Wrapper}', "
                + $"such as {checkpoint.LeftOut[0]} (--verbatim reads them)";
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

    private static double Norm(List<(TensorInfo Tensor, TensorStatistics Values)> rows) => Math.Sqrt(rows.Sum(r => r.Values.Norm * r.Values.Norm));

    private static ResultCell Number(double? value) => value is null ? new("-", [null]) : ResultCell.Of(value, "G5");

    private static string Size(long bytes) => bytes switch
    {
        < 10_000 => $"{bytes} bytes",
        < 10_000_000 => $"{bytes / 1e3:F0} kB",
        _ => $"{bytes / 1e6:F1} MB",
    };
}
