using Polder.Settings;
using Polder.Vision.Models.Weights;
using Polder.Vision.Recipes;

namespace Polder.Experiments.Tests.Comparison;

/// <summary>This project is one that has not asked for the package of ImageNet weights.</summary>
public class WithoutPackageTests
{
    [Fact]
    public void The_message_has_the_line_that_the_project_lacks()
    {
        var recipe = new Recipe { Data = new() { Source = "photos" } };
        Assert.Contains("""<PackageDownload Include="Microsoft.ML.DnnImageFeaturizer.ResNet18" Version="[0.23.1]" />""",
            Assert.Throws<SettingException>(recipe.Resolve).Message, StringComparison.Ordinal);
        Assert.False(PackagedWeights.AreHere);
    }
}
