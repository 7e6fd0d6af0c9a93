using Polder.Methods;

namespace Polder.Tests.Methods;

/// <summary>One of each method, with options away from the defaults.</summary>
public static class MethodList
{
    public static IReadOnlyList<IGradientMethod> All { get; } =
    [
        new Plain(),
        new WeightPerturbation { Sigma = 0.05, Draws = 2 },
        new WeightPerturbation { Sigma = 0.05, Draws = 2, CleanWeight = 0.3 },
        new NoiseStability { Sigma = 0.05, Pairs = 2 },
        new NoiseStability { Sigma = Sigma.Cosine(0.05, 6), CleanWeight = 0.3 },
        new NoiseStability { Sigma = 0.05, Every = 2, Shape = new NoiseShape { Scale = NoiseScale.LayerRelative } },
        new NoiseStability { Sigma = Sigma.Auto(0.2, 0.05) },
        new SharpnessAware { Rho = 0.1 },
        new SharpnessAware { Rho = 0.5, Adaptive = true },
        new SharpnessAware { Rho = 0.5, Adaptive = true, FilterWise = true },
        new SharpnessAware { Rho = 0.05, Normalize = false },
        new RandomSharpnessAware { Rho = 0.1 },
        new SurrogateGap { Rho = 0.1 },
        new SurrogateGap { Rho = 0.5, Adaptive = true },
        new FriendlySharpnessAware { Rho = 0.1 },
        new LookSharpnessAware { Rho = 0.1, Every = 3 },
        new MomentumSharpnessAware { Rho = 0.1 },
        new BayesianSharpnessAware { Examples = 20, Rho = 0.05 },
    ];
}
