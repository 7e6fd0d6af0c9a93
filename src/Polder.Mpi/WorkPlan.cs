namespace Polder.Mpi;

/// <summary>A piece of a step: a point, on all rows of its batch or on some.</summary>
/// <param name="Probe">The point's place among those of the run.</param>
/// <param name="Rows">The rows; null is all that the probe asks for.</param>
/// <param name="Share">The piece's share of the point.</param>
internal readonly record struct WorkUnit(int Probe, Range? Rows, double Share);

/// <summary>
/// How the points of a run are cut into pieces, and who has which: consecutive ones, the first ranks one more where they do not come out even.
/// </summary>
internal static class WorkPlan
{
    /// <summary>The pieces of a run, in the order in which they count.</summary>
    /// <param name="step">The step.</param>
    /// <param name="probes">The points.</param>
    /// <param name="asked">The parts that were asked for; null: as the ranks need.</param>
    /// <param name="ranks">The number of ranks.</param>
    public static WorkUnit[] Cut(ProbeStep step, ReadOnlySpan<Probe> probes, int? asked, int ranks)
    {
        int most = int.MaxValue;
        foreach (Probe probe in probes)
            most = Math.Min(most, MostParts(step, probe));
        int parts = Math.Min(asked ?? Parts(probes.Length, ranks, most), most);
        var units = new List<WorkUnit>(probes.Length * parts);
        for (int i = 0; i < probes.Length; i++)
        {
            if (parts == 1)
            {
                units.Add(new WorkUnit(i, probes[i].Rows, 1));
                continue;
            }
            int all = step.RowsOf(probes[i])!.Value;
            var (offset, length) = (probes[i].Rows ?? ..).GetOffsetAndLength(all);
            for (int part = 0; part < parts; part++)
            {
                int from = (int)((long)length * part / parts), to = (int)((long)length * (part + 1) / parts);
                units.Add(new WorkUnit(i, (offset + from)..(offset + to), (double)(to - from) / length));
            }
        }
        return [.. units];
    }

    /// <summary>The pieces of a rank.</summary>
    public static (int From, int To) Of(int rank, int ranks, int units)
    {
        int each = units / ranks, more = units % ranks;
        int from = (rank * each) + Math.Min(rank, more);
        return (from, from + each + (rank < more ? 1 : 0));
    }

    /// <summary>The pieces of the rank that has most.</summary>
    public static int Most(int ranks, int units) => (units + ranks - 1) / ranks;

    /// <summary>The fewest parts of a point with which the busiest rank has least to do.</summary>
    /// <param name="points">The points.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="most">The most parts.</param>
    public static int Parts(int points, int ranks, int most)
    {
        if (points >= ranks)
            return 1;
        int best = 1;
        for (int parts = 2; parts <= Math.Min(most, ranks); parts++)
            if ((long)Most(ranks, points * parts) * best < (long)Most(ranks, points * best) * parts)
                best = parts;
        return best;
    }

    private static int MostParts(ProbeStep step, Probe probe)
    {
        if (step.RowsOf(probe) is not { } all)
            return 1;
        int least = Math.Max(1, ((step.Objective as ISlicedObjective)?.LeastRows).GetValueOrDefault(1));
        return Math.Max(1, (probe.Rows ?? ..).GetOffsetAndLength(all).Length / least);
    }
}
