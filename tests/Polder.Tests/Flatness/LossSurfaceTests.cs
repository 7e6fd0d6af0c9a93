using Polder.Flatness;
using Polder.Noise;
using Polder.Parameters;
using Polder.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Flatness;

public class LossSurfaceTests
{
    [Fact]
    public void A_plane_of_a_quadratic_has_its_values()
    {
        using var problem = new QuadraticLoss();
        using ParameterVector u = SurfaceDirection.Random(problem.Space, new PhiloxNoise(1), 0),
            v = SurfaceDirection.Random(problem.Space, new PhiloxNoise(1), 1);
        Tensor w = problem.Weights(), a = Flat(u), b = Flat(v), gradient = problem.Gradient();
        double[] before = w.data<double>().ToArray();
        LossPlane plane = LossSurface.Plane(problem.Objective, u, v, new SurfaceOptions { Radius = 0.5, Points = 5 });
        Assert.Equal([-0.5, -0.25, 0, 0.25, 0.5], plane.Positions);
        for (int i = 0; i < 5; i++)
        {
            for (int j = 0; j < 5; j++)
            {
                Tensor move = a.mul(plane.Positions[i]).add(b.mul(plane.Positions[j]));
                double expected = problem.Value() + gradient.dot(move).ToDouble() + (problem.Hessian.mv(move).dot(move).ToDouble() / 2);
                Assert.Equal(expected, plane.Losses[i][j], 1e-12);
            }
        }
        LossLine line = LossSurface.Line(problem.Objective, u, new SurfaceOptions { Radius = 0.5, Points = 5 });
        Assert.Equal(plane.Losses.Select(row => row[2]), line.Losses);
        Assert.Equal(before, problem.Weights().data<double>().ToArray());
    }

    [Fact]
    public void Filters_of_a_direction_are_as_long_as_the_weights_own()
    {
        using var problem = new QuadraticLoss();
        using ParameterVector direction = SurfaceDirection.FilterNormalized(problem.Space, new PhiloxNoise(2), 0);
        double[] own = problem.First.detach().norm(1).data<double>().ToArray(), found = direction.Blocks[0].norm(1).data<double>().ToArray();
        for (int i = 0; i < 3; i++)
            Assert.Equal(own[i], found[i], 1e-12);
        Assert.Equal(0, direction.Blocks[1].abs().sum().ToDouble()); // a vector has no filters
        // Two draws are two directions, and neither is the weights'.
        using ParameterVector other = SurfaceDirection.FilterNormalized(problem.Space, new PhiloxNoise(2), 1);
        Assert.InRange(Math.Abs(direction.Dot(other)) / (direction.Norm() * other.Norm()), 0, 0.999);
    }

    [Fact]
    public void A_flat_vector_becomes_a_direction()
    {
        using var problem = new QuadraticLoss();
        using var scope = NewDisposeScope();
        Tensor flat = arange(QuadraticLoss.Dimension, ScalarType.Float32);
        using ParameterVector direction = SurfaceDirection.Of(problem.Space, flat);
        Assert.Equal(Enumerable.Range(0, QuadraticLoss.Dimension).Select(i => (double)i), Flat(direction).data<double>().ToArray());
        Assert.Contains("[10]", Assert.Throws<ArgumentException>(() => SurfaceDirection.Of(problem.Space, zeros(9))).Message);
    }

    [Fact]
    public void A_slice_that_is_stopped_knows_the_middle()
    {
        using var problem = new QuadraticLoss();
        using ParameterVector u = SurfaceDirection.Random(problem.Space, new PhiloxNoise(1), 0),
            v = SurfaceDirection.Random(problem.Space, new PhiloxNoise(1), 1);
        using var stop = new CancellationTokenSource();
        LossPlane? last = null;
        double[] before = problem.Weights().data<double>().ToArray();
        Assert.Throws<OperationCanceledException>(() => LossSurface.Plane(
            problem.Objective, u, v, new SurfaceOptions { Points = 5 }, new Report(plane =>
            {
                last = plane;
                stop.Cancel();
            }), stop.Token));
        Assert.Equal([true, true, false, true, true], last!.Losses.Select(row => double.IsNaN(row[0])));
        Assert.Equal(before, problem.Weights().data<double>().ToArray());
    }

    [Fact]
    public void Wrong_input_is_named_and_nothing_leaks()
    {
        using var problem = new QuadraticLoss();
        using var another = new QuadraticLoss();
        using ParameterVector u = SurfaceDirection.Random(problem.Space, new PhiloxNoise(1), 0), foreign = another.Space.CreateVector();
        Assert.Contains("another parameter space", Assert.Throws<ArgumentException>(() => LossSurface.Plane(problem.Objective, u, foreign)).Message);
        Assert.Contains("Points must be an integer of at least 3",
            Assert.Throws<ArgumentOutOfRangeException>(() => new SurfaceOptions { Points = 2 }.Validate()).Message);
        LiveTensors.AssertSteady(() => LossSurface.Line(problem.Objective, u, new SurfaceOptions { Points = 3 }));
    }

    private static Tensor Flat(ParameterVector vector) => cat([.. vector.Blocks.Select(b => b.reshape(-1))]);

    private sealed class Report(Action<LossPlane> action) : IProgress<LossPlane>
    {
        void IProgress<LossPlane>.Report(LossPlane value) => action(value);
    }
}
