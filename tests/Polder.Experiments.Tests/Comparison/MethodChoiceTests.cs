using Polder.Experiments.Comparison;
using Polder.Methods;

namespace Polder.Experiments.Tests.Comparison;

public class MethodChoiceTests
{
    private static readonly MethodOptions Options = new(Sigma: 0.25, Pairs: 3, Draws: 4, Rho: 0.75);

    [Fact]
    public void Every_method_takes_its_own_options()
    {
        Assert.IsType<Plain>(MethodChoice.Create("base", Options).Method);
        var wp = Assert.IsType<WeightPerturbation>(MethodChoice.Create("wp", Options).Method);
        Assert.Equal((0.25, 4), ((double)wp.Sigma, wp.Draws));
        var nso = Assert.IsType<NoiseStability>(MethodChoice.Create("nso", Options).Method);
        Assert.Equal((0.25, 3), ((double)nso.Sigma, nso.Pairs));
        Assert.Equal(0.75, Assert.IsType<SharpnessAware>(MethodChoice.Create("sam", Options).Method).Rho);
    }

    [Theory]
    [InlineData("base", "")]
    [InlineData("wp", "draws sigma")]
    [InlineData("nso", "pairs sigma")]
    [InlineData("sam", "rho")]
    public void Every_name_is_known_and_tells_its_options(string name, string options)
    {
        Assert.Contains(name, MethodChoice.Names);
        Assert.Equal(options, string.Join(' ', MethodChoice.Create(name, Options).Options.Keys.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Unknown_names_and_wrong_options_are_refused()
    {
        Assert.Contains("base, wp, nso, sam", Assert.Throws<ArgumentException>(() => MethodChoice.Create("sgd", Options)).Message);
        Assert.ThrowsAny<ArgumentException>(() => MethodChoice.Create("nso", Options with { Sigma = -1 }));
        Assert.ThrowsAny<ArgumentException>(() => MethodChoice.Create("nso", Options with { Pairs = 0 }));
        Assert.ThrowsAny<ArgumentException>(() => MethodChoice.Create("wp", Options with { Draws = 0 }));
        Assert.ThrowsAny<ArgumentException>(() => MethodChoice.Create("sam", Options with { Rho = double.NaN }));
    }
}
