using System.CommandLine;
using static TorchSharp.torch;

namespace Polder.Cli.Files;

/// <summary><c>polder convert IN OUT</c>: rewrites a checkpoint in another format or precision.</summary>
internal sealed class ConvertCommand : PolderCommand
{
    private static readonly IReadOnlyDictionary<string, ScalarType?> Types = new Dictionary<string, ScalarType?>
    {
        ["keep"] = null,
        ["f16"] = ScalarType.Float16,
        ["bf16"] = ScalarType.BFloat16,
        ["f32"] = ScalarType.Float32,
        ["f64"] = ScalarType.Float64,
    };

    private readonly Argument<string> _in = CheckpointOptionsOf.File("IN", "the checkpoint to read, of any format that polder inspect reads");
    private readonly Argument<string> _out = CheckpointOptionsOf.File(
        "OUT", $"the file to write; its ending tells the format: .safetensors, or PyTorch's zip for {string.Join(", ", CheckpointConversion.Endings.Skip(1))}");

    private readonly CliOption<string> _precision = OptionOf.Choice("--precision", "the type of floating-point tensors", "keep", [.. Types.Keys]);
    private readonly CliFlag _verbatim = CheckpointOptionsOf.Verbatim();
    private readonly CliFlag _overwrite = new("--overwrite", "replace OUT where it exists");

    public ConvertCommand()
        : base("convert", "rewrite a checkpoint as safetensors or for PyTorch")
    {
        Add(_in);
        Add(_out);
        Add(Heading.Output, _precision, _verbatim, _overwrite);
        UseTorch();
        ShowsTables = false;
        Examples = ["polder convert resnet20.th resnet20.safetensors", "polder convert best.safetensors best.pth --precision f16"];
    }

    protected internal override void Run(CommandContext context)
    {
        string input = context.Get(_in)!, output = context.Get(_out)!;
        if (CheckpointConversion.FormatOf(output) is null)
            throw UserErrorException.ForOption("OUT", output, $"a file that ends in {string.Join(", ", CheckpointConversion.Endings)}");
        if (Path.Exists(output) && (Directory.Exists(output) || !context.Get(_overwrite)))
            throw UserErrorException.ForOption("OUT", $"{output}, which exists", "a new file, or --overwrite");
        OutputFile.RequireFolder("OUT", output);
        using Checkpoint checkpoint = Checkpoint.Load(input, CheckpointOptionsOf.Reading(context.Get(_verbatim)));
        bool whole = CheckpointConversion.Write(checkpoint, output, Types[context.Get(_precision)!]);
        var blocks = new List<ResultBlock>();
        if (!whole)
            Warn($"{output}: the format holds tensors only, so {checkpoint.Metadata.Count} entries of metadata were left out");
        if (checkpoint.LeftOut.Count > 0)
            Warn($"{output}: {checkpoint.LeftOut.Count} tensors outside '{checkpoint.Wrapper}' were left out (--verbatim keeps them)");
        long bytes = new FileInfo(output).Length;
        blocks.Add($"{output}: {checkpoint.Tensors.Count} tensors, {bytes / 1e6:F2} MB, from {input} ({checkpoint.Format})");
        context.Finish(new Result(new
        {
            Input = input,
            Output = output,
            checkpoint.Format,
            Tensors = checkpoint.Tensors.Count,
            Bytes = bytes,
            MetadataWritten = whole,
            checkpoint.LeftOut,
        })
        { Blocks = blocks });

        void Warn(string text) => blocks.Add(new ResultNote(text) { IsWarning = true });
    }
}
