namespace Polder.Vision.Data;

/// <summary>Seeded selection class by class.</summary>
internal static class Stratification
{
    /// <summary>The indices of each class in a random order of its own: that of class c depends on the seed, c and the class's images alone.</summary>
    public static int[][] Orders(IReadOnlyList<int> labels, int classes, long seed)
    {
        var members = new List<int>[classes];
        for (int c = 0; c < classes; c++)
            members[c] = [];
        for (int i = 0; i < labels.Count; i++)
            members[labels[i]].Add(i);
        int[][] orders = [.. members.Select(m => m.ToArray())];
        for (int c = 0; c < classes; c++)
            new CounterRandom(seed, RandomPurpose.Selection, c).Shuffle(orders[c]);
        return orders;
    }

    /// <summary>
    /// Cuts each class as a rule says: the test images are the first of its order by the test's seed, the validation images the first of the others
    /// by the seed. Parts keep the set's order.
    /// </summary>
    public static (ImageSet Train, ImageSet Validation, ImageSet Test) Cut(ImageSet set, SplitRule rule, long seed, long testSeed)
    {
        List<int>[] parts = [[], [], []];
        foreach (int[] order in Orders(set.Labels, set.Classes.Count, testSeed))
        {
            (int train, int validation, int test) = rule.Of(order.Length);
            parts[2].AddRange(order.AsSpan(0, test));
            int[] rest = [.. order.Skip(test).Order()];
            if (rest.Length > 0)
                new CounterRandom(seed, RandomPurpose.Selection, set.Labels[rest[0]], 1).Shuffle(rest);
            parts[1].AddRange(rest.AsSpan(0, validation));
            parts[0].AddRange(rest.AsSpan(validation, train));
        }
        foreach (List<int> part in parts)
            part.Sort();
        return (set.Subset(parts[0]), set.Subset(parts[1]), set.Subset(parts[2]));
    }

    /// <summary>
    /// Cuts a share off each class: of n images, n x fraction rounded, but at least one, and at least one stays, where n is 2 or more; a class of a
    /// single image stays whole. Both parts keep the set's order.
    /// </summary>
    public static (ImageSet Share, ImageSet Remainder) Cut(ImageSet set, double fraction, long seed)
    {
        var cut = new List<int>();
        var rest = new List<int>();
        foreach (int[] order in Orders(set.Labels, set.Classes.Count, seed))
        {
            int share = order.Length < 2
                ? 0
                : Math.Clamp((int)Math.Round(fraction * order.Length, MidpointRounding.AwayFromZero), 1, order.Length - 1);
            cut.AddRange(order.AsSpan(0, share));
            rest.AddRange(order.AsSpan(share));
        }

        cut.Sort();
        rest.Sort();
        return (set.Subset(cut), set.Subset(rest));
    }
}
