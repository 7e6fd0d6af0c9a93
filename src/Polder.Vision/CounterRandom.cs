namespace Polder.Vision;

/// <summary>
/// Random numbers as a pure function of a key (seed, purpose, epoch, image): order and augmentation do not depend on how many numbers anyone else
/// drew, so a resumed run sees what an uninterrupted one would have. SplitMix64 (Steele, Lea and Flood 2014): a counter and a mixing function.
/// </summary>
internal struct CounterRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;
    private ulong _state;

    public CounterRandom(long seed, RandomPurpose purpose, long first = 0, long second = 0)
    {
        // Each part of the key is mixed before the next is added: neighbouring seeds, epochs and images are unrelated.
        ulong state = Mix((ulong)seed + Golden);
        state = Mix(state ^ ((ulong)purpose * Golden));
        state = Mix(state + (ulong)first * Golden + 1);
        _state = Mix(state + (ulong)second * Golden + 2);
    }

    /// <summary>64 random bits.</summary>
    public ulong Next() => Mix(_state += Golden);

    /// <summary>A whole number from 0 to bound - 1, without bias (Lemire 2019).</summary>
    public int Below(int bound)
    {
        ulong product = (Next() >> 32) * (ulong)bound;
        if ((uint)product < (uint)bound)
        {
            uint threshold = (uint)-bound % (uint)bound;
            while ((uint)product < threshold)
                product = (Next() >> 32) * (ulong)bound;
        }

        return (int)(product >> 32);
    }

    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A number between 0 and 1 from the symmetric beta distribution: X / (X + Y) with X and Y from the gamma distribution of that shape.</summary>
    public double Beta(double shape)
    {
        double x = Gamma(shape), y = Gamma(shape);
        return x + y > 0 ? x / (x + y) : Below(2); // both underflow at tiny shapes, where the distribution is all at its ends
    }

    /// <summary>A standard normal number (Box and Muller).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Unit())) * Math.Cos(2 * Math.PI * Unit());

    /// <summary>Puts the items in random order (Fisher and Yates).</summary>
    public void Shuffle(Span<int> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    // Marsaglia and Tsang 2000; a shape below 1 by way of shape + 1.
    private double Gamma(double shape)
    {
        if (shape < 1)
        {
            double above = Gamma(shape + 1);
            return above * Math.Pow(1 - Unit(), 1 / shape);
        }
        double d = shape - (1.0 / 3), c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double normal = Normal(), cube = Math.Pow(1 + (c * normal), 3);
            if (cube > 0 && Math.Log(1 - Unit()) < (0.5 * normal * normal) + d - (d * cube) + (d * Math.Log(cube)))
                return d * cube;
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>What random numbers are for: different purposes never share numbers.</summary>
internal enum RandomPurpose
{
    /// <summary>Which images a split or a subset takes.</summary>
    Selection = 1,

    /// <summary>The order of an epoch.</summary>
    Order = 2,

    /// <summary>The augmentation of one image in one epoch.</summary>
    Augmentation = 3,

    /// <summary>The pairs of images that are mixed in one step, and how.</summary>
    Mixup = 4,

    /// <summary>Which labels are wrong.</summary>
    LabelNoise = 5,

    /// <summary>Which images an epoch of balanced classes takes.</summary>
    Sampling = 6,

    /// <summary>The distortion of one image in one epoch.</summary>
    Distortion = 7,

    /// <summary>The rectangle and the pairs of images of one step.</summary>
    CutMix = 8,
}
