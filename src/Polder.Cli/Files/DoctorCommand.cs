using Polder.Cli.Hosting;
using Polder.Cli.Output;
using Polder.Machine;
using Spectre.Console;
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
        Show(context, load, verdicts);
        context.Finish(new
        {
            NativeLibrary = new { Loaded = load.IsLoaded, load.Reason, load.Remedy },
            Libstdcxx = NativeRuntime.LibStdCxxVersion(),
            Instructions = ProcessorFacts.VectorInstructionSets,
            Processors = Environment.ProcessorCount,
            Convolutions = verdicts.Select(v => new
            {
                Shape = v.Shape.ToString(),
                Right = v.IsRight,
                RightChannelsLast = v.IsRightChannelsLast,
                Errors = v.Contiguous,
                ErrorsChannelsLast = v.ChannelsLast,
            }),
        });
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

    private static void Show(CommandContext context, NativeLoad load, IReadOnlyList<ConvolutionVerdict> verdicts)
    {
        context.Output.Result($"processor      {ProcessorFacts.Name}, {Environment.ProcessorCount} for this process");
        context.Output.Result($"instructions   {string.Join(", ", ProcessorFacts.VectorInstructionSets)}");
        context.Output.Result($"C++ library    {NativeRuntime.LibStdCxxVersion() ?? "none found"}");
        if (!load.IsLoaded)
        {
            context.Output.Result($"libtorch       does not load: {load.Reason}");
            context.Output.Result($"remedy         {load.Remedy}");
            return;
        }
        context.Output.Result($"libtorch       {NativeRuntime.LibTorchVersion}, loaded, {torch.get_num_threads()} threads");

        Table table = CliOutput.NewTable("float32", "output", "input gradient", "weight gradient", "channels last");
        foreach (ConvolutionVerdict v in verdicts)
        {
            table.AddRow(
                new Text(v.Shape.ToString()),
                Verdict(v.Contiguous.Output),
                v.Shape.NeedsInputGradient ? Verdict(v.Contiguous.InputGradient) : new Text("not needed"),
                Verdict(v.Contiguous.WeightGradient),
                v.IsRightChannelsLast ? new Text("right") : new Text("WRONG", new Style(Color.Red)));
        }
        context.Output.Result(table);
        var report = new ConvolutionReport(verdicts);
        context.Output.Result(report.IsRight
            ? "All of them are right on this machine."
            : $"{report.Wrong.Count} of {verdicts.Count} shapes are wrong on this machine: {report.Remedy}.");
    }

    private static Text Verdict(double error) => error <= ConvolutionCheck.Tolerance ? new Text("right") : new Text("WRONG", new Style(Color.Red));
}
