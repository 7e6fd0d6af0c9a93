namespace Polder.Vision.Training;

/// <summary>Settings that a training takes where nobody says others; null leaves one open.</summary>
internal sealed record TrainingPreset
{
    public double? LearningRate { get; init; }

    public double? WeightDecay { get; init; }

    public int? Epochs { get; init; }

    public int? BatchSize { get; init; }

    public int? ValidateEvery { get; init; }

    public HeadSolver? HeadSolver { get; init; }

    /// <summary>The head that the epochs begin with, where nothing was said of how it is fitted.</summary>
    public double? HeadStartL2 { get; init; }

    public HeadImages? HeadImages { get; init; }

    public KeptWeights? Keep { get; init; }

    /// <summary>Names that are not trained, where none were said.</summary>
    public IReadOnlyList<string>? Freeze { get; init; }

    /// <summary>True freezes the body; nothing thaws it.</summary>
    public bool FreezeBody { get; init; }
}
