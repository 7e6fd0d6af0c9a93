namespace Polder.Machine;

/// <summary>
/// The largest errors of a convolution, each relative to the largest magnitude of the right result; infinite where the
/// result is not a number.
/// </summary>
/// <param name="Output">Of the output.</param>
/// <param name="InputGradient">Of the gradient of the input.</param>
/// <param name="WeightGradient">Of the gradient of the weight.</param>
public readonly record struct ConvolutionErrors(double Output, double InputGradient, double WeightGradient)
{
    /// <summary>The largest of those that training uses.</summary>
    /// <param name="needsInputGradient">Whether the gradient of the input is used.</param>
    public double Largest(bool needsInputGradient) => Math.Max(Output, Math.Max(WeightGradient, needsInputGradient ? InputGradient : 0));

    internal ConvolutionErrors Max(ConvolutionErrors other) => new(
        Math.Max(Output, other.Output), Math.Max(InputGradient, other.InputGradient), Math.Max(WeightGradient, other.WeightGradient));
}

/// <summary>What the check found about one shape.</summary>
/// <param name="Shape">The convolution.</param>
/// <param name="Layers">The names of the model's layers that have this shape; empty where no model was given.</param>
/// <param name="Contiguous">Errors with the input laid out as usual.</param>
/// <param name="ChannelsLast">Errors with the input laid out channels last; null where the usual form is right and nobody asked.</param>
public sealed record ConvolutionVerdict(
    ConvolutionShape Shape, IReadOnlyList<string> Layers, ConvolutionErrors Contiguous, ConvolutionErrors? ChannelsLast)
{
    /// <summary>Errors in bf16, the input laid out channels last; null where it was not asked for.</summary>
    public ConvolutionErrors? BFloat16 { get; init; }

    /// <summary>Whether the usual form is right on this machine.</summary>
    public bool IsRight => ConvolutionCheck.IsRight(Contiguous, Shape);

    /// <summary>Whether the form with a channels-last input is right; false where it was not tried.</summary>
    public bool IsRightChannelsLast => ChannelsLast is { } errors && ConvolutionCheck.IsRight(errors, Shape);

    /// <summary>Whether bf16 is right to its 8 bits; false where it was not tried.</summary>
    public bool IsRightBFloat16 => BFloat16 is { } errors && ConvolutionCheck.IsRight(errors, Shape, ConvolutionCheck.BFloat16Tolerance);

    /// <summary>Whether a form of the input is right; false where it was not tried.</summary>
    /// <param name="form">The form.</param>
    public bool IsRightIn(InputForm form) =>
        form.Precision == Precision.BF16 ? IsRightBFloat16 : form.Layout == MemoryLayout.ChannelsLast ? IsRightChannelsLast : IsRight;

    /// <summary>One line, for example "3x3 convolution 20->20 (layer1.conv): wrong output and input gradient".</summary>
    public override string ToString() =>
        IsRight ? Name + ": right" : $"{Name}: wrong {WrongParts(Contiguous)}{(IsRightChannelsLast ? ", right with a channels-last input" : "")}";

    /// <summary>The same, where it is the form that is wrong and not the usual one.</summary>
    internal string In(InputForm form) => !IsRight ? ToString()
        : $"{Name}: wrong "
            + (form.Precision == Precision.BF16 ? WrongParts(BFloat16!.Value, ConvolutionCheck.BFloat16Tolerance) : WrongParts(ChannelsLast!.Value));

    private string Name => Layers.Count == 0 ? Shape.ToString() : $"{Shape} ({string.Join(", ", Layers)})";

    private string WrongParts(ConvolutionErrors errors, double tolerance = ConvolutionCheck.Tolerance) => string.Join(" and ", new[]
    {
        (Name: "output", Error: errors.Output),
        (Name: "input gradient", Error: Shape.NeedsInputGradient ? errors.InputGradient : 0),
        (Name: "weight gradient", Error: errors.WeightGradient),
    }.Where(part => !(part.Error <= tolerance)).Select(part => part.Name));
}

/// <summary>What the check found about a model.</summary>
/// <param name="Verdicts">One for each distinct shape, in the model's order.</param>
public sealed record ConvolutionReport(IReadOnlyList<ConvolutionVerdict> Verdicts)
{
    /// <summary>The form that the model is trained in. Default: float32 in the usual layout, which it is measured in in any case.</summary>
    public InputForm Form { get; init; }

    /// <summary>Whether every convolution is right in the usual form and in <see cref="Form"/>.</summary>
    public bool IsRight => Wrong.Count == 0;

    /// <summary>Those that are wrong in one of the two.</summary>
    public IReadOnlyList<ConvolutionVerdict> Wrong => [.. Verdicts.Where(v => !v.IsRight || !v.IsRightIn(Form))];

    /// <summary>Whether the wrong ones are all right once their input is laid out channels last.</summary>
    public bool CanUseChannelsLast => Wrong.All(v => v.IsRightChannelsLast);

    /// <summary>One sentence that names what is wrong and the remedy; empty where nothing is wrong.</summary>
    public string Describe() => IsRight ? ""
        : $"{(Verdicts.All(v => v.IsRight) ? Form : default)} convolutions are wrong on this machine: "
            + $"{string.Join("; ", Wrong.Select(v => v.In(Form)))}: {Remedy}";

    /// <summary>What helps where a convolution is wrong.</summary>
    public string Remedy => Wrong.Count == 0 ? "" : Verdicts.All(v => v.IsRight) ? "use float32 in the usual memory layout"
        : CanUseChannelsLast ? "lay the input out channels last, or use channel counts that are multiples of 16, or float64"
        : "use channel counts that are multiples of 16, or float64";
}
