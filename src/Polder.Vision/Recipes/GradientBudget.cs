namespace Polder.Vision.Recipes;

/// <summary>What every method of a comparison has the same of.</summary>
public enum ComparisonBudget
{
    /// <summary>Passes through the training images: equal steps, so a method with two gradients a step computes twice as long.</summary>
    Epochs,

    /// <summary>Gradients: as many as NSO with one pair spends over the epochs; cheaper methods take more steps.</summary>
    Gradients,

    /// <summary>
    /// Seconds of training: those that the base optimizer takes over the epochs. The steps of each method follow from the measured time of one, so
    /// another measurement can give another number; steps and times are in the result.
    /// </summary>
    Seconds,
}

/// <summary>How many steps a budget of gradients is enough for.</summary>
public static class GradientBudget
{
    /// <summary>The most steps that cost no more than a number of gradients; at least 1.</summary>
    /// <param name="methodOver">The method for a run of so many steps: its schedules are stretched over them, so what a step costs may depend on the
    /// number.</param>
    /// <param name="gradients">The gradients, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="gradients"/> is below 1.</exception>
    public static long Steps(Func<long, IGradientMethod> methodOver, long gradients)
    {
        ArgumentNullException.ThrowIfNull(methodOver);
        ArgumentOutOfRangeException.ThrowIfLessThan(gradients, 1);
        // A step costs at least one gradient, and more steps cost more: halve the range.
        long enough = 1, tooMany = gradients + 1;
        while (tooMany - enough > 1)
        {
            long middle = enough + ((tooMany - enough) / 2);
            if (Cost(methodOver(middle), middle, gradients) <= gradients)
                enough = middle;
            else
                tooMany = middle;
        }
        return enough;
    }

    private static long Cost(IGradientMethod method, long steps, long limit)
    {
        long cost = 0;
        for (long step = 0; step < steps && cost <= limit; step++)
            cost += method.GradientEvaluationsAt(step);
        return cost;
    }
}
