using System.Runtime.InteropServices;

namespace Polder.Cli.Output;

/// <summary>Which exit code and which words an exception comes to.</summary>
/// <param name="ExitCode">2 wrong input, 130 stopped, 1 a defect of the program.</param>
/// <param name="Text">One line, but for a defect, which comes with its stack trace.</param>
internal sealed record ErrorReport(int ExitCode, string Text)
{
    public const int Done = 0, Defect = 1, WrongInput = 2, Stopped = 130;

    public static ErrorReport Of(Exception exception) => Unwrap(exception) switch
    {
        StoppedException stopped => new(Stopped, Line("stopped: " + stopped.Message)),
        OperationCanceledException => new(Stopped, Line("stopped: nothing was kept")),
        { } e when IsWrongInput(e) => new(WrongInput, Line(MessageOf(e))),
        { } e when IsOutOfMemory(e) => new(WrongInput, Line("not enough memory: a smaller --batch-size or --image-size needs less")),
        { } e => new(Defect, $"{Line("this is a defect of polder, please report it with the lines below")}\npolder {ProgramVersion.Text}\n{e}"),
    };

    /// <summary>
    /// The exceptions that the house throws about what it was given. An argument exception counts only where the house threw it itself:
    /// options validate themselves that way, while one that comes from .NET or TorchSharp means that we called it wrongly.
    /// </summary>
    private static bool IsWrongInput(Exception e) => e switch
    {
        UserErrorException or MpiException or DataException or CheckpointException or OnnxException or TrainingDivergedException or NonFiniteGradientException
            or IOException or UnauthorizedAccessException => true,
        ArgumentNullException => false,
        ArgumentException => IsOurs(e),
        _ => false,
    };

    private static bool IsOurs(Exception e) =>
        e.TargetSite?.DeclaringType?.Assembly.GetName().Name is { } name && (name == "Polder" || name.StartsWith("Polder.", StringComparison.Ordinal));

    // .NET appends the parameter's name and, on a line of its own, the value.
    internal static string MessageOf(Exception e) => e switch
    {
        SettingException setting => setting.Describe(FieldOption.Spell),
        ArgumentOutOfRangeException { ActualValue: { } value, ParamName: { } name } range =>
            $"{range.Message.Split('\n')[0].Trim().Replace($" (Parameter '{name}')", "")}, found {value}",
        ArgumentException { ParamName: { } name } => e.Message.Replace($" (Parameter '{name}')", ""),
        _ => e.Message,
    };

    // libtorch says it in words: there is no type for it.
    private static bool IsOutOfMemory(Exception e) =>
        e is OutOfMemoryException || (e is ExternalException && (e.Message.Contains("can't allocate memory") || e.Message.Contains("out of memory")));

    private static Exception Unwrap(Exception e) => e is AggregateException { InnerExceptions: [var only] } ? Unwrap(only) : e;

    private static string Line(string message) =>
        "polder: " + string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
