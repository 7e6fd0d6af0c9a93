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
        new RandomWeightPerturbation { Sigma = 0.05 },
        new RandomWeightPerturbation { Sigma = 0.05, CleanWeight = 0.4, Adaptive = true },
        new RandomWeightPerturbation { Sigma = 0.05, CleanWeight = 0, Adaptive = true, Eta = 2, Memory = 0.5 },
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
        new SharpnessAware { Rho = Schedule.Cosine(0.02, 6, from: 0.2) },
        RandomSharpnessAware.OfAuthors(6, rho: 0.2, sigma: 0.02),
        new StableSharpnessAware { Rho = 0.1 },
        new LossEquatedSharpnessAware { LossBudget = Schedule.Annealed(0.1, 8, 0.5), Rho = 0.3 },
        new FilteredSharpnessAware { Rho = 0.1, Quantile = 0.6 },
        new ParallelSharpnessAware { Rho = 0.1 },
        new FunctionalSharpnessAware { Rho = 0.1 },
        new LateStart(new FriendlySharpnessAware { Rho = 0.1 }, 2),
        new DiagonalNoiseStability { Sigma = 0.05, Pairs = 2, Memory = 0.7 },
        new OrthogonalNoiseStability { Sigma = 0.05 },
        new AscendedNoiseStability { Sigma = 0.05, Rho = 0.1 },
        new VariationalOnlineNewton { Examples = 20, Beta2 = 0.9 },
        new VariationalOnlineNewton { Examples = 50, Beta2 = 0.8, Draws = 2, ClipRadius = 0.5 },
        new BayesianSharpnessAware { Examples = 20, Rho = 0.05 },
        new LateStart(new FunctionalSharpnessAware { Rho = 0.1 }, 2),
        new LateStart(new VariationalOnlineNewton { Examples = 20, Beta2 = 0.9 }, 2),
        new LateStart(new BayesianSharpnessAware { Examples = 20, Rho = 0.05 }, 2),
    ];

    /// <summary>Whether a method makes its own update, so that plain SGD is below it.</summary>
    public static bool MakesItsUpdate(IGradientMethod method) =>
        method is IPosteriorMethod || (method is DecoratedMethod decorated && MakesItsUpdate(decorated.Method));

    /// <summary>Whether what a method does at a step depends on the step's number alone, and not on its accepted steps.</summary>
    public static bool CountsSteps(IGradientMethod method) => method is LookSharpnessAware or LateStart or NoiseStability { Sigma.IsConstant: false }
        or NoiseStability { Every: > 1 } or SharpnessAware { Rho.IsConstant: false } or RandomSharpnessAware { Rho.IsConstant: false }
        or LossEquatedSharpnessAware { LossBudget.IsConstant: false };
}
