namespace Polder.Vision.Data;

/// <summary>How a data set without official parts is cut by those who publish results on it; it wins over the shares of <see cref="SplitOptions"/>.</summary>
public abstract record SplitRule
{
    private protected SplitRule()
    {
    }

    /// <summary>Images of one class for training, validation and testing.</summary>
    /// <param name="images">All images of the class.</param>
    internal abstract (int Train, int Validation, int Test) Of(int images);
}

/// <summary>
/// The same number of images of each class; what is left is not used. A class that has fewer images in all is cut in the same proportions.
/// </summary>
/// <param name="Train">Images of a class for training, 1 or more.</param>
/// <param name="Validation">Images of a class for validation, 1 or more.</param>
/// <param name="Test">Images of a class for testing, 1 or more.</param>
public sealed record PerClassCounts(int Train, int Validation, int Test) : SplitRule
{
    internal override (int Train, int Validation, int Test) Of(int images)
    {
        int all = Train + Validation + Test;
        if (images >= all)
            return (Train, Validation, Test);
        int validation = (int)Math.Round((double)images * Validation / all), test = (int)Math.Round((double)images * Test / all);
        return (images - validation - test, validation, test);
    }
}

/// <summary>Shares of all images of each class; the rest is for training.</summary>
/// <param name="Validation">The share for validation, between 0 and 1.</param>
/// <param name="Test">The share for testing, between 0 and 1; the two together below 1.</param>
public sealed record Shares(double Validation, double Test) : SplitRule
{
    internal override (int Train, int Validation, int Test) Of(int images)
    {
        // A class of three images or more is in every part.
        int least = images >= 3 ? 1 : 0;
        int test = Math.Max(least, (int)Math.Round(images * Test, MidpointRounding.AwayFromZero));
        int validation = Math.Max(least, (int)Math.Round(images * Validation, MidpointRounding.AwayFromZero));
        return (images - validation - test, validation, test);
    }
}
