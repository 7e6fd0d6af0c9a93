using Polder.Methods;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>A method that never leaves W takes the base optimizer's steps bit for bit, as a plain TorchSharp loop makes them.</summary>
public class BaseEqualityTests
{
    private static readonly Dictionary<string, IGradientMethod> Methods = new()
    {
        ["base"] = new Plain(),
        ["wp, sigma 0"] = new WeightPerturbation { Sigma = 0, Draws = 3 },
        ["nso, sigma 0"] = new NoiseStability { Sigma = 0, Pairs = 2 },
        ["nso, late phase"] = new NoiseStability { Sigma = Sigma.Late(0.1, 100) },
        ["nso, lambda 1"] = new NoiseStability { Sigma = 0.1, CleanWeight = 1 },
        ["sam, rho 0"] = new SharpnessAware { Rho = 0 },
        ["asam, rho 0"] = new SharpnessAware { Rho = 0, Adaptive = true },
        ["asam by filter, rho 0"] = new SharpnessAware { Rho = 0, Adaptive = true, FilterWise = true },
        ["usam, rho 0"] = new SharpnessAware { Rho = 0, Normalize = false },
        ["rsam, rho 0"] = new RandomSharpnessAware { Rho = 0, Sigma = 0 },
        ["gsam, rho 0"] = new SurrogateGap { Rho = 0, Alpha = 0 },
        ["fsam, rho 0"] = new FriendlySharpnessAware { Rho = 0 },
        ["looksam, rho 0"] = new LookSharpnessAware { Rho = 0, Alpha = 0 },
        ["msam, rho 0"] = new MomentumSharpnessAware { Rho = 0 },
    };

    public static TheoryData<string, string, ScalarType> Cases()
    {
        var cases = new TheoryData<string, string, ScalarType>();
        foreach (string optimizer in BaseOptimizers.All.Keys)
            foreach (string method in Methods.Keys)
            {
                cases.Add(optimizer, method, ScalarType.Float32);
                cases.Add(optimizer, method, ScalarType.Float64);
            }
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Steps_are_the_base_optimizers_bit_for_bit(string optimizerName, string methodName, ScalarType type)
    {
        using var scope = NewDisposeScope();
        Network raw = new(type), ours = new(type);
        Bits.AssertEqual(raw.Module.parameters(), ours.Module.parameters());
        OptimizerHelper plain = BaseOptimizers.All[optimizerName](raw.Module.parameters());
        OptimizerHelper inner = BaseOptimizers.All[optimizerName](ours.Module.parameters());
        using var optimizer = new FlatMinimaOptimizer(inner, Methods[methodName], ours.Module);
        for (int step = 0; step < 12; step++)
        {
            Tensor loss = plain.step(() =>
            {
                plain.zero_grad();
                Tensor value = raw.Loss(step);
                value.backward();
                return value;
            });
            Tensor same = optimizer.step(() => ours.Loss(step));
            Bits.AssertEqual([loss], [same]);
            Bits.AssertEqual(raw.Module.parameters(), ours.Module.parameters());
            Bits.AssertEqual(raw.Module.buffers(), ours.Module.buffers());
        }
    }
}
