namespace Polder.Mpi;

/// <summary>Makes of what all ranks report what one process would have seen: every piece in order, whoever had it.</summary>
internal static class ReportReader
{
    /// <summary>Takes a run in.</summary>
    /// <param name="report">What the ranks report.</param>
    /// <param name="ranks">Their number.</param>
    /// <param name="step">The step, which learns of gradients and curvature.</param>
    /// <param name="probes">The points of the run.</param>
    /// <param name="units">Its pieces.</param>
    /// <param name="pairing">Which points are pairs.</param>
    /// <param name="buffers">The model's buffers, which become what the pieces made of them; null where it has none.</param>
    /// <param name="losses">Receives the loss of each point.</param>
    public static void TakeIn(
        PointReport report, int ranks, ProbeStep step, ReadOnlySpan<Probe> probes, WorkUnit[] units, Pairing[] pairing, ModelBuffers? buffers,
        Span<double> losses)
    {
        losses.Clear();
        double[] first = new double[report.CurvatureLength], second = new double[report.CurvatureLength];
        for (int rank = 0; rank < ranks; rank++)
        {
            var (from, to) = WorkPlan.Of(rank, ranks, units.Length);
            for (int i = from; i < to; i++)
            {
                int probe = units[i].Probe;
                double loss = report.Loss(rank, i - from);
                losses[probe] = units[i].Share == 1 ? loss : losses[probe] + (units[i].Share * loss);
                if (buffers is not null)
                {
                    buffers.BeforeProbe(probes[probe].Direction == ProbeDirection.Centre);
                    buffers.Read(report.Buffers(rank, i - from));
                }
                if (step.Curvature is not { } curvature || pairing[probe] == Pairing.None)
                    continue;
                double[] seen = pairing[probe] == Pairing.First ? first : second;
                ReadOnlySpan<double> values = report.Curvature(rank, i - from);
                for (int j = 0; j < values.Length; j++)
                    seen[j] += values[j];
                bool done = i + 1 == units.Length || units[i + 1].Probe != probe;
                if (!done || pairing[probe] != Pairing.Second)
                    continue;
                curvature.Add(new ProbePair(probes[probe - 1], probes[probe], losses[probe - 1], losses[probe]), first, second);
                Array.Clear(first);
                Array.Clear(second);
            }
        }
        for (int i = 0; i < step.Space.Parameters.Count; i++)
            if (report.HasReceived(i))
                step.Space.MarkReceivedGradient(i);
    }
}
