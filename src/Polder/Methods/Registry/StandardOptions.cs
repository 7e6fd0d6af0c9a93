namespace Polder.Methods.Registry;

/// <summary>The options that several methods share: one name, one meaning.</summary>
public static class StandardOptions
{
    internal const string NoiseName = "noise", SigmaName = "sigma", ScheduleName = "sigma-schedule", RhoName = "rho", RhoScheduleName = "rho-schedule";

    // Where the library's Sigma.Auto starts from by itself.
    private const double DefaultStart = 0.01;

    /// <summary>The distribution of the noise; it belongs to the noise stream, not to the method (<see cref="MethodEntry.DistributionOf"/>).</summary>
    public static MethodOption Noise { get; } = MethodOption.Word(
        NoiseName, "distribution of the noise, scaled to variance 1", NoiseDistribution.Normal.Name, [.. NoiseDistribution.All.Select(d => d.Name)]);

    /// <summary>How sigma runs over the steps (<see cref="SigmaOf"/>).</summary>
    public static MethodOption Schedule { get; } = ScheduleOption(ScheduleName, "sigma");

    /// <summary>How rho runs over the steps (<see cref="RhoOf"/>).</summary>
    public static MethodOption RhoSchedule { get; } = ScheduleOption(RhoScheduleName, "rho");

    /// <summary>The standard deviation of the noise.</summary>
    public static MethodOption Sigma(double @default) => MethodOption.NotNegative(
        SigmaName, "standard deviation of the weight noise, in units of the weights", @default);

    /// <summary>
    /// The standard deviation of the noise, which may also follow the curvature (<see cref="Methods.Sigma.Auto"/>); for methods with antithetic
    /// pairs.
    /// </summary>
    public static MethodOption SigmaOrAuto(double @default) => MethodOption.Custom(
        SigmaName, "NUMBER|auto:SHARE", Sigma(@default).Summary,
        "a number >= 0, or auto:SHARE[:START]: the sigma whose penalty is a SHARE (above 0, below 1) of the loss, from START (above 0, default 0.01) on",
        @default, text => Sigma(@default).TryParse(text, out object number) ? number : ReadAuto(text) is null ? null : text);

    /// <summary>The size of the ascent.</summary>
    public static MethodOption Rho(double @default) => MethodOption.NotNegative(
        RhoName, "size of the ascent: its length in units of the weights (asam: in the weights' own metric; usam, bsam: a factor of the gradient)", @default);

    /// <summary>What sigma is relative to (<see cref="ShapeOf"/>).</summary>
    public static MethodOption Scale { get; } = MethodOption.Word(
        "noise-scale", "what sigma is relative to: nothing, the norm of a weight's filter, or the root mean square of its layer", "absolute",
        "absolute", "filter", "layer");

    /// <summary>Which parameters get noise (<see cref="ShapeOf"/>).</summary>
    public static MethodOption Where { get; } = MethodOption.Word(
        "noise-on", "the parameters that get noise: all, the normalisation layers', the head's, or all but the head's", "all", "all", "norm", "head", "body");

    /// <summary>Where the noise goes and how large it is there.</summary>
    public static NoiseShape ShapeOf(MethodArguments arguments) => new()
    {
        Scale = arguments.Word(Scale.Name) switch
        {
            "filter" => NoiseScale.FilterNormalized,
            "layer" => NoiseScale.LayerRelative,
            _ => NoiseScale.Absolute,
        },
        Within = arguments.Word(Where.Name) switch
        {
            "norm" => arguments.Setup.NormalizationLayers(),
            "head" => ParameterSelection.Of(arguments.Setup.Head),
            "body" => ParameterSelection.Of(arguments.Setup.Head).Complement(),
            _ => null,
        },
    };

    /// <summary>The number of antithetic pairs.</summary>
    public static MethodOption Pairs(int @default) => MethodOption.Count("pairs", "antithetic noise pairs a step: two gradients each", @default);

    /// <summary>The weight of the gradient at W itself.</summary>
    public static MethodOption CleanWeight { get; } = MethodOption.Share(
        "clean-weight", "weight lambda of the gradient at the weights themselves; above 0 it costs one gradient more", 0);

    /// <summary>The interval of the perturbed steps.</summary>
    public static MethodOption Every(int @default) => MethodOption.Count("every", "the full method at every N-th step, a cheaper one between", @default);

    /// <summary>The factor of an orthogonal part.</summary>
    public static MethodOption Alpha(double @default) => MethodOption.NotNegative(
        "alpha", "factor of the part of one gradient that is orthogonal to the other", @default);

    /// <summary>The memory of a running gradient.</summary>
    public static MethodOption Beta(double @default) => MethodOption.Share("beta", "memory of the method's running gradient", @default);

    /// <summary>The size of the parts of the mini-batch that have a perturbation each (<see cref="MicroPerturbation"/>).</summary>
    public static MethodOption MicroPerturb { get; } = new(
        "micro-perturb", ValueKind.Count(ValueRange.AtLeast(0)),
        "images of a part of the batch that has its own ascent or noise (m-sharpness); 0: the whole batch has one", 0);

    /// <summary>The share of the steps before the method starts (<see cref="LateStart"/>).</summary>
    public static MethodOption MethodStart { get; } = new(
        "method-start", ValueKind.Number(ValueRange.HalfOpen(0, 1)), "share of the steps before the method starts, in which the base optimizer trains alone",
        0.0);

    /// <summary>The options that every method takes beside its own, without a word of its entry.</summary>
    public static IReadOnlyList<MethodOption> General { get; } = [MicroPerturb, MethodStart];

    /// <summary>The method as the options that every method takes want it.</summary>
    internal static IGradientMethod Decorated(IGradientMethod method, MethodArguments arguments)
    {
        foreach (MethodOption option in General)
        {
            if (!arguments.Has(option.Name))
                continue;
            method = arguments.Value(option.Name) switch
            {
                int rows and > 0 when option == MicroPerturb => new MicroPerturbation(method, rows),
                double share and > 0 when option == MethodStart => new LateStart(method, (long)(share * arguments.Setup.Steps)),
                _ => method,
            };
        }
        return method;
    }

    /// <summary>Refuses a sigma that would follow the curvature and a schedule too.</summary>
    /// <param name="options">Every option of a method.</param>
    /// <exception cref="ArgumentException">It does.</exception>
    internal static void RequireOneSigma(IReadOnlyDictionary<string, object> options)
    {
        if (options.TryGetValue(SigmaName, out object? sigma) && sigma is string auto && options[ScheduleName] is var schedule and not "constant")
            throw new ArgumentException($"{ScheduleName}: found {schedule}, allowed with {SigmaName} {auto}: constant, since sigma follows the curvature");
    }

    /// <summary>The schedule that sigma and its schedule come to over the steps of the run.</summary>
    public static Sigma SigmaOf(MethodArguments arguments)
    {
        if (arguments.Value(SigmaName) is string auto)
        {
            (double share, double start) = ReadAuto(auto)!.Value;
            return Methods.Sigma.Auto(share, start);
        }
        return Methods.Sigma.Of(Over(arguments.Number(SigmaName), ScheduleName, arguments));
    }

    /// <summary>The schedule that rho and its schedule come to over the steps of the run.</summary>
    public static Methods.Schedule RhoOf(MethodArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        return Over(arguments.Number(RhoName), RhoScheduleName, arguments);
    }

    private static MethodOption ScheduleOption(string name, string strength) => MethodOption.Custom(
        name, "NAME[:X]",
        $"how {strength} runs over the steps: from START (default 0, log-linear 1e-5) to {strength}; down: from {strength} to END (default 0); "
            + "late: 0 in the first SHARE (default 0.5) of the steps",
        "constant, linear[:START], log-linear[:START], cosine[:START], linear-down[:END], cosine-down[:END], late[:SHARE]", "constant",
        text => ReadSchedule(text) is null ? null : text);

    private static Methods.Schedule Over(double strength, string name, MethodArguments arguments)
    {
        long steps = arguments.Setup.Steps;
        return ReadSchedule(arguments.Word(name))! switch
        {
            ("linear", var from) => Methods.Schedule.Linear(strength, steps, from ?? 0),
            ("log-linear", var from) => Methods.Schedule.LogLinear(strength, steps, from ?? 1e-5),
            ("cosine", var from) => Methods.Schedule.Cosine(strength, steps, from ?? 0),
            ("linear-down", var to) => Methods.Schedule.Linear(to ?? 0, steps, strength),
            ("cosine-down", var to) => Methods.Schedule.Cosine(to ?? 0, steps, strength),
            ("late", var share) => Methods.Schedule.Late(strength, steps, share ?? 0.5),
            _ => strength,
        };
    }

    private static (double Share, double Start)? ReadAuto(string text) => text.Split(':') switch
    {
        ["auto", var share] when MethodOption.Number(share) is { } x and > 0 and < 1 => (x, DefaultStart),
        ["auto", var share, var start] when MethodOption.Number(share) is { } x and > 0 and < 1 && MethodOption.Number(start) is { } from and > 0 => (x, from),
        _ => null,
    };

    private static (string Shape, double? X)? ReadSchedule(string text)
    {
        string[] parts = text.Split(':');
        double? x = parts.Length == 2 ? MethodOption.Number(parts[1]) : null;
        bool allowed = parts.Length <= 2 && (parts.Length == 1 || x is not null) && parts[0] switch
        {
            "constant" => parts.Length == 1,
            "linear" or "cosine" or "linear-down" or "cosine-down" => x is null or >= 0,
            "log-linear" => x is null or > 0,
            "late" => x is null or (>= 0 and <= 1),
            _ => false,
        };
        return allowed ? (parts[0], x) : null;
    }
}
