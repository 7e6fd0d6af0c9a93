using TorchSharp;

namespace Polder.Cli.Files;

/// <summary><c>polder doctor</c>: what this machine is, and whether the native libraries work and compute rightly on it.</summary>
internal sealed class DoctorCommand : PolderCommand
{
    /// <summary>Channel counts of the networks that Polder builds, then such as users' networks have.</summary>
    private static readonly IReadOnlyList<ConvolutionShape> Shapes =
    [
        ConvolutionShape.Square(3, 64, kernel: 7, stride: 2) with { NeedsInputGradient = false },
        ConvolutionShape.Square(3, 16) with { NeedsInputGradient = false },
        ConvolutionShape.Square(16, 16),
        ConvolutionShape.Square(16, 32, stride: 2),
        ConvolutionShape.Square(32, 32),
        ConvolutionShape.Square(64, 64),
        ConvolutionShape.Square(64, 128, kernel: 1, stride: 2),
        ConvolutionShape.Square(128, 128),
        ConvolutionShape.Square(64, 64) with { Groups = 64 },
        ConvolutionShape.Square(8, 8),
        ConvolutionShape.Square(16, 8),
        ConvolutionShape.Square(12, 12),
        ConvolutionShape.Square(20, 20),
        ConvolutionShape.Square(24, 24),
        ConvolutionShape.Square(64, 10),
    ];

    public DoctorCommand()
        : base("doctor", "check this machine: the native libraries, the processor, and whether convolutions are right")
    {
        UseTorch(required: false);
        Examples = ["polder doctor", "polder doctor --json -"];
    }

    protected internal override void Run(CommandContext context)
    {
        NativeLoad load = NativeRuntime.Load();
        IReadOnlyList<ConvolutionVerdict> verdicts = load.IsLoaded ? Check(context) : [];
        double? ratio = load.IsLoaded ? BFloat16Speed.MeasureRatio() : null;
        context.Finish(new Result(new
        {
            NativeLibrary = new { Loaded = load.IsLoaded, load.Reason, load.Remedy },
            Libstdcxx = NativeRuntime.LibStdCxxVersion(),
            Instructions = ProcessorFacts.VectorInstructionSets,
            Processors = Environment.ProcessorCount,
            BFloat16 = new { Instructions = ProcessorFacts.HasBFloat16, TimeRatio = ratio },
            Convolutions = verdicts.Select(v => new
            {
                Shape = v.Shape.ToString(),
                Right = v.IsRight,
                RightChannelsLast = v.IsRightChannelsLast,
                RightBFloat16 = v.IsRightBFloat16,
                Errors = v.Contiguous,
                ErrorsChannelsLast = v.ChannelsLast,
                ErrorsBFloat16 = v.BFloat16,
            }),
        })
        { Blocks = Shown(load, verdicts, ratio) });
    }

    private static List<ConvolutionVerdict> Check(CommandContext context) => context.Output.Track("convolutions", Shapes.Count, tracker =>
    {
        var verdicts = new List<ConvolutionVerdict>();
        foreach (ConvolutionShape shape in Shapes)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            tracker.Report(verdicts.Count, shape.ToString);
            verdicts.Add(ConvolutionCheck.Of(shape));
        }
        return verdicts;
    });

    private static IReadOnlyList<ResultBlock> Shown(NativeLoad load, IReadOnlyList<ConvolutionVerdict> verdicts, double? ratio)
    {
        ResultBlock[] machine =
        [
            $"processor      {ProcessorFacts.Name}, {Environment.ProcessorCount} for this process",
            $"instructions   {string.Join(", ", ProcessorFacts.VectorInstructionSets)}",
            $"C++ library    {NativeRuntime.LibStdCxxVersion() ?? "none found"}",
        ];
        return load.IsLoaded
            ? [.. machine, $"libtorch       {NativeRuntime.LibTorchVersion}, loaded, {torch.get_num_threads()} threads",
                FormattableString.Invariant(
                    $"bf16           {(ProcessorFacts.HasBFloat16 ? "instructions" : "no instructions")}; a convolution takes {ratio:F2} of float32's time"),
                .. Shown(verdicts)]
            : [.. machine, $"libtorch       does not load: {load.Reason}", $"remedy         {load.Remedy}"];
    }

    internal static IReadOnlyList<ResultBlock> Shown(IReadOnlyList<ConvolutionVerdict> verdicts)
    {
        var report = new ConvolutionReport(verdicts);
        int wrongBFloat16 = verdicts.Count(v => !v.IsRightBFloat16);
        return
        [
            ResultTable.Of(
                "convolutions",
                [new("float32", "shape"), new("output", "outputError"), new("input gradient", "inputGradientError"),
                    new("weight gradient", "weightGradientError"), new("channels last", "rightChannelsLast"), new("bf16", "rightBFloat16")],
                verdicts,
                v =>
                [
                    v.Shape.ToString(), Verdict(v.Contiguous.Output), v.Shape.NeedsInputGradient ? Verdict(v.Contiguous.InputGradient)
                        : new("not needed", [null]),
                    Verdict(v.Contiguous.WeightGradient), Word(v.IsRightChannelsLast, v.IsRightChannelsLast), Word(v.IsRightBFloat16, v.IsRightBFloat16),
                ]),
            report.IsRight ? "All of them are right on this machine."
                : $"{report.Wrong.Count} of {verdicts.Count} shapes are wrong on this machine: {report.Remedy}.",
            .. wrongBFloat16 == 0 ? (ResultBlock[])[] : [$"{wrongBFloat16} of {verdicts.Count} are wrong in bf16: train networks that have them in f32."],
        ];
    }

    private static ResultCell Verdict(double error) => Word(error <= ConvolutionCheck.Tolerance, error);

    private static ResultCell Word(bool right, object value) => new(right ? "right" : "WRONG", value) { StandsOut = !right };
}
