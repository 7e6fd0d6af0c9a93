using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Settings;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Recipes;

public class MethodChoiceTests
{
    private static readonly MethodSetup Run = new() { Steps = 100, Examples = 7 };

    [Fact]
    public void A_choice_has_every_option_the_given_ones_replaced()
    {
        MethodChoice choice = MethodChoice.Create("nso", new Dictionary<string, object> { ["sigma"] = 0.25, ["pairs"] = 3, ["noise"] = "laplace" });
        Assert.Equal(MethodRegistry.Named("nso").Options.Select(o => o.Name), choice.Options.Keys);
        var method = Assert.IsType<NoiseStability>(choice.For(Run));
        Assert.Equal((0.25, 3, 0.0), ((double)method.Sigma, method.Pairs, method.CleanWeight));
        Assert.Same(NoiseDistribution.Laplace, choice.Distribution);
        Assert.Equal(0.5, Assert.IsType<NoiseStability>(choice.With("clean-weight", 0.5).For(Run)).CleanWeight);
        Assert.Same(NoiseDistribution.Normal, MethodChoice.Create("sam").Distribution);
    }

    [Fact]
    public void Unknown_names_and_wrong_options_are_refused()
    {
        Assert.Contains("base, wp, nso, mrwp, arwp, sam", Assert.Throws<ArgumentException>(() => MethodChoice.Create("sgd")).Message);
        Assert.Contains("nso has no option rho", Refused("nso", "rho", 1.0));
        Assert.Contains("sigma of nso: found -1, allowed: a number >= 0", Refused("nso", "sigma", -1.0));
        Assert.Contains("pairs of nso: found 0", Refused("nso", "pairs", 0));
        Assert.Contains("draws of wp: found 1.5", Refused("wp", "draws", 1.5));
        Assert.Contains("rho of sam: found NaN", Refused("sam", "rho", double.NaN));
    }

    [Fact]
    public void A_method_with_its_own_update_has_plain_sgd_below_it()
    {
        var training = new TrainingOptions { LearningRate = 0.3, Momentum = 0.5, WeightDecay = 0.1 };
        Assert.Equal(training with { LearningRate = 0.6, Momentum = 0, WeightDecay = 0 }, MethodChoice.Create("bsam").BaseTraining(training));
        Assert.Same(training, MethodChoice.Create("nso").BaseTraining(training));
        Assert.Throws<SettingException>(() => MethodChoice.Create("bsam").BaseTraining(training with { Optimizer = BaseOptimizer.AdamW }));
    }

    private static string Refused(string name, string option, object value) =>
        Assert.Throws<ArgumentException>(() => MethodChoice.Create(name, new Dictionary<string, object> { [option] = value })).Message;
}
