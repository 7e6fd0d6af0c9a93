using Polder.Parameters;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Objectives;

public class ParameterSelectionTests
{
    private static Sequential Build() => nn.Sequential(
        ("body", nn.Sequential(("conv", nn.Conv2d(3, 4, 3)), ("bn", nn.BatchNorm2d(4)), ("gn", nn.GroupNorm(2, 4)))),
        ("ln", nn.LayerNorm([4])),
        ("plain", nn.BatchNorm1d(4, affine: false)),
        ("head", nn.Linear(4, 2)));

    private static string[] Names(Sequential model, ParameterSelection selection) =>
        [.. model.named_parameters().Where(p => selection.Contains(p.parameter)).Select(p => p.name)];

    [Fact]
    public void Parameters_are_chosen_by_name()
    {
        using var scope = NewDisposeScope();
        Sequential model = Build();
        Assert.Equal(["head.weight", "head.bias"], Names(model, ParameterSelection.ByName(model, name => name.StartsWith("head.", StringComparison.Ordinal))));
        Assert.Contains("no parameter's name",
            Assert.Throws<ArgumentException>("predicate", () => ParameterSelection.ByName(model, name => name == "absent")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Normalisation_layers_are_found_at_any_depth_and_by_kind()
    {
        using var scope = NewDisposeScope();
        Sequential model = Build();
        Assert.Equal(
            ["body.bn.weight", "body.bn.bias", "body.gn.weight", "body.gn.bias", "ln.weight", "ln.bias"],
            Names(model, ParameterSelection.NormalizationLayers(model)));
        BatchNorm2d single = nn.BatchNorm2d(3);
        Assert.All(single.parameters(), p => Assert.True(ParameterSelection.NormalizationLayers(single).Contains(p)));
        Assert.Throws<ArgumentException>("model", () => ParameterSelection.NormalizationLayers(nn.Linear(2, 2)));
    }

    [Fact]
    public void The_complement_is_all_but_those_and_its_complement_the_selection_again()
    {
        using var scope = NewDisposeScope();
        Sequential model = Build();
        ParameterSelection norm = ParameterSelection.NormalizationLayers(model);
        Assert.Equal(["body.conv.weight", "body.conv.bias", "head.weight", "head.bias"], Names(model, norm.Complement()));
        Assert.Equal(Names(model, norm), Names(model, norm.Complement().Complement()));
    }

    // Two parameters of equal values are not one: tensors compare by value, selections by reference.
    [Fact]
    public void Parameters_are_told_apart_by_reference()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(ones(2)), b = new(ones(2));
        ParameterSelection selection = ParameterSelection.Of(a);
        Assert.True(selection.Contains(a));
        Assert.False(selection.Contains(b));
    }
}
