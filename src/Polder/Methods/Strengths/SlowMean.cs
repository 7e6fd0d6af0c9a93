namespace Polder.Methods;

/// <summary>
/// Forgetful means of two numbers that come together step by step, of which the first has a standard error: batches of
/// <see cref="BatchLength"/> consecutive steps are averaged, and the batches' means weighted with 1, 1/2, .. 1/20, 1/20, ..., so that it is the
/// plain mean at first and forgets over some 20 batches later. It lives in named numbers that are saved with a method's state.
/// </summary>
/// <param name="numbers">Where the numbers are.</param>
/// <param name="prefix">What their names begin with.</param>
internal readonly struct SlowMean(IDictionary<string, double> numbers, string prefix)
{
    public const int BatchLength = 10;

    private const double LeastWeight = 1.0 / 20;

    /// <summary>The number of whole batches.</summary>
    public double Batches => this["batches"];

    /// <summary>The mean of the first number.</summary>
    public double Mean => this["mean"];

    /// <summary>The mean of the second number.</summary>
    public double Companion => this["companion"];

    /// <summary>
    /// The standard error of the first: with weights v_b that sum to 1 it is sqrt(sum v_b^2) times the batches' standard deviation,
    /// sqrt(sum v_b (x_b - mean)^2 / (1 - sum v_b^2)), the deviations being those from the mean at each time.
    /// </summary>
    public double StandardError => Math.Sqrt(this["square"] / (1 - this["weights"]) * this["weights"]);

    private double this[string name]
    {
        get => numbers.TryGetValue(prefix + name, out double value) ? value : 0;
        set => numbers[prefix + name] = value;
    }

    /// <summary>Adds a step.</summary>
    public void Add(double value, double companion)
    {
        SlowMean self = this;
        self["open"] += value;
        self["openCompanion"] += companion;
        self["openSteps"]++;
        if (self["openSteps"] < BatchLength)
            return;
        self["batches"]++;
        double weight = Math.Max(1 / self["batches"], LeastWeight);
        double difference = (self["open"] / BatchLength) - self["mean"];
        self["mean"] += weight * difference;
        self["companion"] += weight * ((self["openCompanion"] / BatchLength) - self["companion"]);
        self["square"] = (1 - weight) * (self["square"] + (weight * difference * difference));
        self["weights"] = ((1 - weight) * (1 - weight) * self["weights"]) + (weight * weight);
        (self["open"], self["openCompanion"], self["openSteps"]) = (0, 0, 0);
    }
}
