namespace Polder.Cli.Options;

/// <summary>The options that say how several processes of an MPI job do one thing.</summary>
internal sealed class RankSettings
{
    /// <summary>The option that makes a process a rank.</summary>
    public const string Name = "--ranks";

    /// <summary>The number of ranks; null: this process alone, whoever started it.</summary>
    public CliOption<int?> Ranks { get; } = OptionOf.OptionalCount(
        Name, "processes that do this together: start as many by mpirun, mpiexec or srun", "this process alone", ValueRange.Between(1, 65536));

    /// <summary>Whether sums have one order.</summary>
    public CliFlag Reproducible { get; } = new(
        "--reproducible", "with --ranks: sum gradients in the points' order, the same bits on any number of ranks with the same --batch-parts");

    /// <summary>The parts of a point's batch.</summary>
    public CliOption<int?> BatchParts { get; } = OptionOf.OptionalCount(
        "--batch-parts", "with --ranks: parts that each point's batch is cut into, shared out and normalized one by one",
        "1 where a step has a point for every rank, else as the ranks need", ValueRange.Between(1, 65536));
}
