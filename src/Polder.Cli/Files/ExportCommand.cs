using System.Globalization;
using Polder.Cli.Measuring;

namespace Polder.Cli.Files;

/// <summary><c>polder export</c>: a trained network as an ONNX file.</summary>
internal sealed class ExportCommand : PolderCommand
{
    private static readonly IReadOnlyDictionary<string, ImageInput> Inputs = new Dictionary<string, ImageInput>
    {
        ["normalized"] = ImageInput.Normalized,
        ["pixels01"] = ImageInput.Pixels01,
        ["pixels255"] = ImageInput.Pixels255,
        ["bytes-nhwc"] = ImageInput.BytesNhwc,
    };

    private readonly ModelOptions _model;
    private readonly CliOption<string> _out = OptionOf.Text(
        "--out", "FILE", $"the file to write; {OnnxExport.LabelsName}, the names of the classes, comes beside it", "a file", "model.onnx", "model.onnx")!;

    private readonly CliFlag _overwrite = new("--overwrite", "replace the files where they exist");
    private readonly CliOption<string> _input = OptionOf.Choice(
        "--input", "what the file takes, red first: normalized by the caller; pixels of 0..1 or 0..255 or bytes, which the file normalizes itself",
        "normalized", [.. Inputs.Keys]);

    private readonly CliFlag _noSoftmax = new("--no-softmax", "leave out the output probabilities; logits stay");
    private readonly CliFlag _fold = new("--fold", "make BatchNorm part of the convolutions: a smaller graph with other parameters");
    private readonly CliOption<int> _opset = OptionOf.Count(
        "--opset", "version of ONNX's operators", 17, ValueRange.Between(ExportOptions.FirstOpset, ExportOptions.LastOpset));

    private readonly CliOption<int?> _batch = new("--batch", "N|dynamic", "images of a batch", "a whole number >= 1, or dynamic", null, "dynamic",
        (string text, out int? value) =>
        {
            value = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number : null;
            return value is not null || text == "dynamic";
        });

    private readonly CliOption<string> _precision = OptionOf.Choice(
        "--precision", "of parameters and computation; f16 is half the size, and input and outputs stay f32", "f32", "f32", "f16");

    private readonly CliFlag _huggingFace = new(
        "--hugging-face", "for Transformers.js and Optimum: config.json and preprocessor_config.json come beside it, and the input is pixel_values");

    public ExportCommand()
        : base("export", "write trained weights as an ONNX file, for ONNX Runtime, ML.NET and other programs")
    {
        _model = new ModelOptions(this, takesImages: false);
        Add(Heading.Output, _out, _overwrite, _input, _noSoftmax, _fold, _opset, _batch, _precision, _huggingFace);
        UseTorch();
        ShowsTables = false;
        Examples =
        [
            "polder export --run runs/finetune-1",
            "polder export --run runs/finetune-1 --input bytes-nhwc --precision f16 --out small.onnx",
            "polder export --weights resnet20-12fca82f.th --arch resnet20 --input pixels255",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        string path = context.Get(_out)!;
        OutputFile.RequireFolder(_out.Name, path);
        var options = new ExportOptions
        {
            Input = Inputs[context.Get(_input)!],
            Softmax = !context.Get(_noSoftmax),
            Fold = context.Get(_fold),
            Opset = context.Get(_opset),
            Batch = context.Get(_batch),
            Half = context.Get(_precision) == "f16",
            HuggingFace = context.Get(_huggingFace),
        };
        string[] written = [path, .. OnnxExport.FilesBeside(path, options)];
        if (!context.Get(_overwrite) && Array.Find(written, File.Exists) is { } there)
            throw UserErrorException.ForOption(_out.Name, $"{there}, which exists", "new files, or --overwrite");
        using TrainedClassifier trained = _model.Open(context).Classifier;
        ExportReport report = OnnxExport.Write(trained, path, options);
        context.Finish(ResultOf(report, trained.Classes, context.Get(_input)!));
    }

    internal static Result ResultOf(ExportReport report, IReadOnlyList<string> classes, string input) => new(new
    {
        report.File,
        report.Labels,
        report.HuggingFace,
        Inputs = report.Inputs.Select(Shown),
        Outputs = report.Outputs.Select(Shown),
        report.Opset,
        Classes = classes,
        report.Bytes,
        report.EqualParameters,
        report.MaxError,
    })
    {
        Blocks =
        [
            $"{report.File}: {string.Create(CultureInfo.InvariantCulture, $"{report.Bytes / 1e6:F2}")} MB, opset {report.Opset}, {classes.Count} classes",
            .. report.Inputs.Select(value => (ResultBlock)$"  input {Words(value)}, {input}"),
            .. report.Outputs.Select(value => (ResultBlock)$"  output {Words(value)}"),
            $"{report.Labels}: the names of the classes, in the order of the outputs",
            .. report.HuggingFace.Count == 0 ? (ResultBlock[])[] : [$"{string.Join(", ", report.HuggingFace)}: for Transformers.js and Optimum"],
            "checked: read back, "
                + (report.EqualParameters > 0 ? $"{report.EqualParameters} tensors equal bit for bit, " : "")
                + string.Create(CultureInfo.InvariantCulture, $"logits of a test image within {report.MaxError:G2} of the largest"),
        ],
    };

    // A dimension that the caller chooses has a name in place of a number.
    private static object Shown(OnnxValue value) => new
    {
        value.Name,
        Shape = value.Shape!.Select(d => d.Size is { } size ? (object)size : d.Name),
        Type = value.TypeName,
    };

    private static string Words(OnnxValue value) => $"{value.Name}: {value.TypeName} [{string.Join(", ", value.Shape!)}]";
}
