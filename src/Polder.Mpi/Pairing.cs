namespace Polder.Mpi;

/// <summary>What a point of a run is in an antithetic pair.</summary>
internal enum Pairing
{
    /// <summary>Nothing: it stands alone.</summary>
    None,

    /// <summary>W + V.</summary>
    First,

    /// <summary>W - V, straight behind it.</summary>
    Second,
}

/// <summary>Finds the pairs.</summary>
internal static class Pairings
{
    /// <summary>What each probe of a run is.</summary>
    public static Pairing[] Of(ReadOnlySpan<Probe> probes)
    {
        var pairing = new Pairing[probes.Length];
        for (int i = 0; i + 1 < probes.Length; i++)
        {
            if (pairing[i] == Pairing.None && probes[i].Direction == ProbeDirection.Noise && probes[i + 1].Direction == ProbeDirection.Noise
                && probes[i].Draw == probes[i + 1].Draw && probes[i].Scale == -probes[i + 1].Scale)
                (pairing[i], pairing[i + 1]) = (Pairing.First, Pairing.Second);
        }
        return pairing;
    }
}
