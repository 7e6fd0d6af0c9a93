namespace Polder.Methods;

/// <summary>
/// A method on each part of the mini-batch by itself (m-sharpness, Foret and others, 2021): every part of at most M rows has its own ascent or noise, and the
/// gradient is the mean over the parts by their sizes. A step costs what the method costs: each part sees the passes once.
/// </summary>
/// <remarks>
/// The parts are as equal as the size of the batch allows; a batch of M rows or fewer is one part, and then this is the method itself. What a method
/// remembers from step to step becomes the mean of what each part would have made of it. With BatchNorm a part is normalized by its own statistics, and the
/// running ones take the mean over the parts.
/// </remarks>
public sealed record MicroPerturbation : DecoratedMethod
{
    /// <summary>Perturbs parts of the mini-batch.</summary>
    /// <param name="method">The method.</param>
    /// <param name="rows">The most rows M of a part, at least 1.</param>
    public MicroPerturbation(IGradientMethod method, int rows)
        : base(method) => Rows = rows;

    /// <summary>The most rows of a part, at least 1.</summary>
    public int Rows { get; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require.AtLeast(Rows, 1);
    }

    /// <inheritdoc/>
    public override void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        int rows = context.Rows ?? throw new InvalidOperationException(
            $"{Name} on parts of the mini-batch evaluates some rows alone, which this objective cannot: call Step(rows, range => loss over images[range])");
        int parts = Math.Max(1, Math.Min(rows / context.LeastRows, (rows + Rows - 1) / Rows));
        if (parts == 1)
            Method.ComputeGradient(context);
        else
            context.RunParts(parts, Method.ComputeGradient);
    }
}
