using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>Where the noise goes and how large it is, seen from inside the closure.</summary>
public class NoiseShapeTests
{
    private const double Sigma = 0.25;
    private static readonly double[] Unit = [1, -2, 0.5, 3, -1, 0.25, 2, -0.5, 1.5, -3, 0.75];

    // Filters of the norms 5, 13; a bias of norm 3; a scale of norm 2.
    private static Parameter[] Build(double factor = 1) =>
    [
        new(tensor(new double[,,] { { { 3 }, { 4 } }, { { 5 }, { -12 } } }) * factor),
        new(tensor(new double[] { 1, -2, 2 })),
        new(tensor(new double[,] { { 0, 2 }, { 0, 0 } })),
    ];

    public static TheoryData<NoiseScale, double[]> Scales => new()
    {
        { NoiseScale.Absolute, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] },
        { NoiseScale.FilterNormalized, [5, 5, 13, 13, 3, 3, 3, 2, 2, 0, 0] },
        { NoiseScale.LayerRelative,
            [Math.Sqrt(194) / 2, Math.Sqrt(194) / 2, Math.Sqrt(194) / 2, Math.Sqrt(194) / 2, Math.Sqrt(3), Math.Sqrt(3), Math.Sqrt(3), 1, 1, 1, 1] },
    };

    [Theory, MemberData(nameof(Scales))]
    public void Noise_is_sigma_times_the_factor_of_the_formula(NoiseScale scale, double[] factors)
    {
        foreach (IGradientMethod method in new IGradientMethod[]
                 {
                     new NoiseStability { Sigma = Sigma, Shape = new NoiseShape { Scale = scale } },
                     new WeightPerturbation { Sigma = Sigma, Shape = new NoiseShape { Scale = scale } },
                 })
        {
            double[][] moves = Moves(Build(), method);
            for (int i = 0; i < Unit.Length; i++)
                Assert.Equal(Sigma * factors[i] * Unit[i], moves[0][i], 1e-14 * Math.Max(1, factors[i]));
            if (moves.Length == 2)
                Assert.Equal(moves[0].Select(m => -m), moves[1], Near);
        }
    }

    // Rescaling a layer's weights rescales its noise alike, and nobody else's.
    [Theory]
    [InlineData(NoiseScale.FilterNormalized)]
    [InlineData(NoiseScale.LayerRelative)]
    public void Relative_noise_follows_the_weights(NoiseScale scale)
    {
        var method = new WeightPerturbation { Sigma = Sigma, Shape = new NoiseShape { Scale = scale } };
        double[] once = Moves(Build(), method)[0], scaled = Moves(Build(8), method)[0];
        Assert.Equal(once[..4].Select(m => 8 * m), scaled[..4], Near);
        Assert.Equal(once[4..], scaled[4..]);
    }

    [Fact]
    public void Parameters_outside_stay_and_the_others_keep_their_elements_of_the_draw()
    {
        using var scope = NewDisposeScope();
        Parameter[] parameters = Build();
        double[][] moves = Moves(parameters, new NoiseStability { Sigma = Sigma, Shape = new NoiseShape { Within = ParameterSelection.Of(parameters[1]) } });
        Assert.Equal([0, 0, 0, 0, .. Unit[4..7].Select(u => Sigma * u), 0, 0, 0, 0], moves[0], Near);
        Parameter[] all = Build();
        moves = Moves(all, new NoiseStability { Sigma = Sigma, Shape = new NoiseShape { Within = ParameterSelection.Of(all[1]).Complement() } });
        Assert.Equal([.. Unit[..4].Select(u => Sigma * u), 0, 0, 0, .. Unit[7..].Select(u => Sigma * u)], moves[0], Near);
    }

    [Fact]
    public void Every_parameter_group_has_its_own_sigma()
    {
        using var scope = NewDisposeScope();
        Parameter[] p = Build();
        // The groups' order is the base optimizer's, and so is the element's.
        SGD sgd = optim.SGD([new SGD.ParamGroup { Parameters = [p[1]] }, new SGD.ParamGroup { Parameters = [p[0], p[2]] }], 0.0);
        double[] moves = Moves([p[1], p[0], p[2]], new NoiseStability { Sigma = Sigma, Shape = new NoiseShape { GroupFactors = [0, 3] } }, sgd)[0];
        Assert.Equal([0, 0, 0, .. Unit[3..].Select(u => 3 * Sigma * u)], moves, Near);
    }

    [Fact]
    public void Factors_multiply()
    {
        using var scope = NewDisposeScope();
        Parameter[] p = Build();
        var shape = new NoiseShape { Scale = NoiseScale.LayerRelative, Within = ParameterSelection.Of(p[1]), GroupFactors = [2] };
        double[] moves = Moves(p, new NoiseStability { Sigma = Sigma, Shape = shape })[0];
        Assert.Equal([0, 0, 0, 0, .. Unit[4..7].Select(u => 2 * Math.Sqrt(3) * Sigma * u), 0, 0, 0, 0], moves, Near);
    }

    // The same draw in float32, where pieces of work and buffers of the mover begin anywhere in a filter.
    [Fact]
    public void Large_parameters_are_scaled_filter_by_filter()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Parameter a = new(randn(7, 3, 5, generator: generator)), b = new(randn(130, 701, generator: generator)), c = new(randn(19, generator: generator));
        var noise = new PhiloxNoise(4);
        ParameterSpace space = ParameterSpace.Of([a, b, c]);
        using ParameterVector unit = space.CreateVector(), scaled = space.CreateVector();
        space.Materialize(noise, 2, 1, unit);
        space.Materialize(new NoiseShape { Scale = NoiseScale.FilterNormalized }.Apply(noise, space, optim.SGD([a, b, c], 0.1)), 2, 1, scaled);
        Tensor[] expected = [unit.Blocks[0] * a.flatten(1).norm(1).view(7, 1, 1), unit.Blocks[1] * b.norm(1, keepdim: true), unit.Blocks[2] * c.norm()];
        for (int i = 0; i < 3; i++)
            Assert.True(allclose(expected[i], scaled.Blocks[i], 1e-6, 1e-6), $"parameter {i}");
    }

    [Fact]
    public void A_shape_that_cannot_be_is_refused_with_what_to_do()
    {
        using var scope = NewDisposeScope();
        Parameter[] p = Build();
        SGD sgd = optim.SGD(p, 0.1);
        Assert.Contains("GroupFactors must be a finite number of at least 0", Refused<ArgumentOutOfRangeException>(new NoiseShape { GroupFactors = [-1] }),
            StringComparison.Ordinal);
        Assert.Contains("2 factors and the base optimizer 1 parameter groups", Refused<ArgumentException>(new NoiseShape { GroupFactors = [1, 1] }),
            StringComparison.Ordinal);
        Assert.Contains("Scale must be one of Absolute, FilterNormalized", Refused<ArgumentOutOfRangeException>(new NoiseShape { Scale = (NoiseScale)9 }),
            StringComparison.Ordinal);
        using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Shape = new NoiseShape { Within = ParameterSelection.Of(Build()) } });
        Assert.Contains("none of the optimizer's trainable parameters", Assert.Throws<ArgumentException>(() => optimizer.Step(() => p[0].sum())).Message,
            StringComparison.Ordinal);

        string Refused<T>(NoiseShape shape) where T : Exception =>
            Assert.Throws<T>(() => new FlatMinimaOptimizer(sgd, new WeightPerturbation { Shape = shape })).Message;
    }

    private static bool Near(double a, double b) => Math.Abs(a - b) <= 1e-13;

    // What the closure finds added to the weights, one array a probe.
    private static double[][] Moves(Parameter[] parameters, IGradientMethod method, SGD? sgd = null)
    {
        using var scope = NewDisposeScope();
        double[] Flat() => [.. parameters.SelectMany(p => p.data<double>().ToArray())];
        double[] start = Flat();
        var seen = new List<double[]>();
        double[,,] values = new double[1, 1, Unit.Length];
        Buffer.BlockCopy(Unit, 0, values, 0, Unit.Length * sizeof(double));
        using var optimizer = new FlatMinimaOptimizer(sgd ?? optim.SGD(parameters, 0.0), method, noise: new FixedNoise(values));
        optimizer.Step(() =>
        {
            seen.Add([.. Flat().Zip(start, (a, b) => a - b)]);
            return parameters.Aggregate(zeros(1, ScalarType.Float64), (sum, p) => sum + p.pow(2).sum());
        });
        Assert.Equal(start, Flat());
        return [.. seen];
    }
}
