using Polder.Vision.Recipes;

namespace Polder.Experiments.Tests.Comparison;

/// <summary>One pre-training for all tests of a class.</summary>
public sealed class DigitsFixture : IDisposable
{
    public RecipeTask Task { get; } = new Recipe().Open();

    public void Dispose() => Task.Dispose();
}
