using Polder.Checkpoints;
using Polder.Cli.Hosting;
using Polder.Vision.Models.Weights;

namespace Polder.Cli.Files;

/// <summary>What a value of <c>--weights</c> stands for: a file, or published weights by their name.</summary>
internal static class WeightsOf
{
    /// <summary>Reads the weights that a value names. A file that is called like published weights is reached as <c>./NAME</c>.</summary>
    /// <exception cref="UserErrorException">Published weights that were not downloaded: nothing is fetched unasked.</exception>
    public static Checkpoint Load(string value) => Checkpoint.Load(Resolve(value));

    /// <summary>The file that a value names.</summary>
    /// <exception cref="UserErrorException">Published weights that were not downloaded.</exception>
    public static string Resolve(string value)
    {
        if (PublishedWeights.Find(value) is not { } published)
            return value;
        return new WeightsCache().Find(published)
            ?? throw new UserErrorException($"--weights: found {value}, whose published weights are not here: polder weights {value} downloads them");
    }
}
