namespace Polder.Machine;

/// <summary>
/// The largest errors of a convolution in float32, each relative to the largest magnitude of the right result; infinite where the
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
    /// <summary>Whether the usual form is right on this machine.</summary>
    public bool IsRight => ConvolutionCheck.IsRight(Contiguous, Shape);

    /// <summary>Whether the form with a channels-last input is right; false where it was not tried.</summary>
    public bool IsRightChannelsLast => ChannelsLast is { } errors && ConvolutionCheck.IsRight(errors, Shape);

    /// <summary>One line, for example "3x3 convolution 20->20 (layer1.conv): wrong output and input gradient".</summary>
    public override string ToString()
    {
        string name = Layers.Count == 0 ? Shape.ToString() : $"{Shape} ({string.Join(", ", Layers)})";
        return IsRight ? name + ": right" : $"{name}: wrong {WrongParts(Contiguous)}{(IsRightChannelsLast ? ", right with a channels-last input" : "")}";
    }

    private string WrongParts(ConvolutionErrors errors) => string.Join(" and ", new[]
    {
        (Name: "output", Error: errors.Output),
        (Name: "input gradient", Error: Shape.NeedsInputGradient ? errors.InputGradient : 0),
        (Name: "weight gradient", Error: errors.WeightGradient),
    }.Where(part => !ConvolutionCheck.IsRight(part.Error)).Select(part => part.Name));
}

/// <summary>What the check found about a model.</summary>
/// <param name="Verdicts">One for each distinct shape, in the model's order.</param>
public sealed record ConvolutionReport(IReadOnlyList<ConvolutionVerdict> Verdicts)
{
    /// <summary>Whether every convolution is right in the usual form.</summary>
    public bool IsRight => Verdicts.All(v => v.IsRight);

    /// <summary>Those that are wrong in the usual form.</summary>
    public IReadOnlyList<ConvolutionVerdict> Wrong => [.. Verdicts.Where(v => !v.IsRight)];

    /// <summary>Whether the wrong ones are all right once their input is laid out channels last.</summary>
    public bool CanUseChannelsLast => Wrong.All(v => v.IsRightChannelsLast);

    /// <summary>One sentence that names what is wrong and the remedy; empty where nothing is wrong.</summary>
    public string Describe()
    {
        return IsRight ? "" : $"float32 convolutions are wrong on this machine: {string.Join("; ", Wrong.Select(v => v.ToString()))}: {Remedy}";
    }

    /// <summary>What helps where a convolution is wrong.</summary>
    public string Remedy => Wrong.Count > 0 && CanUseChannelsLast
        ? "lay the input out channels last, or use channel counts that are multiples of 16, or float64"
        : "use channel counts that are multiples of 16, or float64";
}
