namespace Polder.Generalization;

/// <summary>Something that a bound needs to be true.</summary>
/// <param name="Name">A short name.</param>
/// <param name="Holds">Whether it holds; null where no measurement can tell, so that it is an assumption.</param>
/// <param name="Detail">What was found, in a sentence without a full stop.</param>
public sealed record Premise(string Name, bool? Holds, string Detail)
{
    /// <summary>
    /// The network's buffers, such as BatchNorm's running statistics, are those of the start: where training moved them they depend on the
    /// sample, and no noise on the weights makes up for that.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="start">The network that it started from.</param>
    public static Premise Buffers(nn.Module network, nn.Module start)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(start);
        const string Name = "buffers";
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Dictionary<string, Tensor> before = start.named_buffers().ToDictionary(b => b.name, b => b.buffer);
        var floating = network.named_buffers().Where(b => b.buffer.is_floating_point()).ToArray();
        if (floating.Length == 0)
            return new Premise(Name, true, "the network has no running statistics");
        int moved = 0;
        double squares = 0, size = 0;
        foreach ((string name, Tensor buffer) in floating)
        {
            if (!before.TryGetValue(name, out Tensor? other) || !other.shape.AsSpan().SequenceEqual(buffer.shape))
                return new Premise(Name, false, $"buffer {name} has no counterpart in the start");
            double distance = buffer.sub(other).to(ScalarType.Float64).pow(Number(2)).sum().ToDouble();
            moved += distance > 0 ? 1 : 0;
            squares += distance;
            size += other.to(ScalarType.Float64).pow(Number(2)).sum().ToDouble();
        }
        int buffers = floating.Length;
        double way = Math.Sqrt(squares / Math.Max(size, double.Epsilon));
        return moved == 0
            ? new Premise(Name, true, "BatchNorm's running statistics are those of the start")
            : new Premise(Name, false, FormattableString.Invariant(
                $"BatchNorm's running statistics moved in training ({moved} of {buffers} buffers, by {way:P1} of their size), so they depend on the sample"));
    }

    /// <summary>Two evaluations agree: no dropout, no random augmentation in the loss that is bounded.</summary>
    /// <param name="evaluate">Evaluates the classifier on the sample.</param>
    public static Premise Determinism(Func<ClassifierLosses> evaluate)
    {
        ArgumentNullException.ThrowIfNull(evaluate);
        ClassifierLosses first = evaluate(), second = evaluate();
        return new Premise("unaugmentedLoss", first == second, first == second
            ? "two evaluations of the same weights agree: the loss is not augmented or random"
            : $"two evaluations of the same weights differ (loss {first.Loss:G6} and {second.Loss:G6}): the loss is augmented or random");
    }

    /// <summary>No example is in the sample twice: copies are not independent.</summary>
    /// <param name="copies">The number of examples that equal an earlier one.</param>
    /// <param name="examples">The number of all.</param>
    public static Premise NoDuplicates(int copies, int examples) => new("noDuplicates", copies == 0, copies == 0
        ? $"the {examples} examples are distinct"
        : $"{copies} of the {examples} examples equal an earlier one, so they are not independent");

    /// <summary>The start and everything that was chosen beforehand do not depend on the sample: only the user can know.</summary>
    public static Premise IndependentStart { get; } = new(
        "independentStart", null, "assumed: the start, the grid of sigma, beta and delta were chosen without the sample, and the examples are independent");
}
