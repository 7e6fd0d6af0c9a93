using Polder.Noise;
using Polder.Parameters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Objectives;

public class ParameterSpaceTests
{
    [Fact]
    public void Elements_run_through_the_parameters_row_major_without_padding()
    {
        using var scope = NewDisposeScope();
        ParameterSpace space = ParameterSpace.Of([new(zeros(2, 3)), new(zeros(5)), new(zeros(1, 2, 2))]);
        Assert.Equal(15, space.Dimension);
        Assert.Equal([0L, 6, 11], space.Offsets);
        double[,,] values = new double[1, 1, 15];
        for (int i = 0; i < 15; i++)
            values[0, 0, i] = i;
        using ParameterVector vector = space.CreateVector();
        space.Materialize(new FixedNoise(values), 0, 0, vector);
        Assert.Equal(Enumerable.Range(0, 15).Select(i => (float)i), vector.Blocks.SelectMany(b => b.data<float>().ToArray()));
    }

    [Fact]
    public void Frozen_and_repeated_parameters_are_left_out()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(zeros(2)), frozen = new(zeros(3), requires_grad: false), b = new(zeros(4));
        ParameterSpace space = ParameterSpace.Of([a, frozen, b, a]);
        Assert.Equal(2, space.Parameters.Count);
        Assert.Same(a, space.Parameters[0]);
        Assert.Same(b, space.Parameters[1]);
        Assert.True(space.IsSpaceOf([a, b, frozen]));
        Assert.False(space.IsSpaceOf([b, a]));
        Assert.False(space.IsSpaceOf([a]));
        frozen.requires_grad = true;
        Assert.False(space.IsSpaceOf([a, b, frozen]));
    }

    [Fact]
    public void Nothing_trainable_is_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>("parameters", () => ParameterSpace.Of([new(zeros(3), requires_grad: false)]));
        Assert.Throws<ArgumentException>("parameters", () => ParameterSpace.Of([]));
    }

    // More than one piece of work, parameters that end anywhere, both precisions, and one that is not contiguous.
    [Fact]
    public void Noise_is_the_same_on_one_and_two_threads_and_as_the_stream_says()
    {
        using var scope = NewDisposeScope();
        int threads = get_num_threads();
        try
        {
            Parameter[] parameters =
            [
                new(randn(300, 501)), new(randn(70_001)), new(randn(33, dtype: ScalarType.Float64)), new(randn(90_000, dtype: ScalarType.Float64)),
                new(randn(40, 30).t()),
            ];
            ParameterSpace space = ParameterSpace.Of(parameters);
            var noise = new PhiloxNoise(8);
            using ParameterVector origin = space.CreateVector(), materialised = space.CreateVector();
            space.Save(origin);
            set_num_threads(1);
            space.MoveTo(origin, noise, 4, 1, 0.01);
            byte[][] one = Bits.Of(parameters);
            set_num_threads(2);
            space.Restore(origin);
            space.MoveTo(origin, noise, 4, 1, 0.01);
            Bits.AssertEqual(one, Bits.Of(parameters));

            space.Materialize(noise, 4, 1, materialised);
            for (int i = 0; i < parameters.Length; i++)
            {
                double[] expected = new double[parameters[i].numel()];
                noise.Fill(4, 1, space.Offsets[i], expected);
                Assert.Equal(expected, materialised.Blocks[i].to(ScalarType.Float64).data<double>().ToArray());
                Tensor wanted = origin.Blocks[i].to(ScalarType.Float64).add(materialised.Blocks[i].to(ScalarType.Float64), 0.01);
                double error = parameters[i].detach().to(ScalarType.Float64).sub(wanted).abs().max().ToDouble();
                Assert.True(error < (parameters[i].dtype == ScalarType.Float64 ? 1e-15 : 3e-7), $"parameter {i}: {error}");
            }
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void A_failing_stream_throws_its_own_exception_also_from_several_threads()
    {
        using var scope = NewDisposeScope();
        ParameterSpace small = ParameterSpace.Of([new(zeros(10))]), large = ParameterSpace.Of([new(zeros(200_000))]);
        foreach (ParameterSpace space in new[] { small, large })
        {
            using ParameterVector vector = space.CreateVector();
            Assert.Throws<ArgumentOutOfRangeException>("step", () => space.Materialize(new FixedNoise(new double[1, 1, (int)space.Dimension]), 1, 0, vector));
        }
    }

    [Fact]
    public void Restore_is_exact()
    {
        using var scope = NewDisposeScope();
        Parameter[] parameters = [new(randn(1000)), new(randn(50, dtype: ScalarType.Float64))];
        ParameterSpace space = ParameterSpace.Of(parameters);
        byte[][] before = Bits.Of(parameters);
        using ParameterVector saved = space.CreateVector(), direction = space.CreateVector();
        space.Save(saved);
        space.Materialize(new PhiloxNoise(2), 0, 0, direction);
        space.Move(direction, 0.3);
        Assert.NotEqual(before, Bits.Of(parameters));
        space.Restore(saved);
        Bits.AssertEqual(before, Bits.Of(parameters));
    }

    [Fact]
    public void The_mirrored_point_is_the_other_side_of_the_origin()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(randn(5000, dtype: ScalarType.Float64));
        ParameterSpace space = ParameterSpace.Of([w]);
        using ParameterVector origin = space.CreateVector();
        space.Save(origin);
        var noise = new PhiloxNoise(2);
        space.MoveTo(origin, noise, 0, 0, 0.1);
        space.Mirror(origin);
        Tensor mirrored = w.detach().clone();
        space.MoveTo(origin, noise, 0, 0, -0.1);
        Assert.True(mirrored.sub(w.detach()).abs().max().ToDouble() < 2e-15);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Leaving_in_one_pass_is_saving_moving_and_mirroring_bit_for_bit(int threads)
    {
        using var scope = NewDisposeScope();
        int before = get_num_threads();
        set_num_threads(threads);
        try
        {
            // Lengths that put later blocks of the copy at odd places, and one that only torch can move.
            Parameter[] parameters =
            [
                new(randn(13)), new(randn(70_001)), new(randn(1)), new(randn(300, 501)), new(randn(33, dtype: ScalarType.Float64)),
                new(randn(90_000, dtype: ScalarType.Float64)), new(randn(40, 30).t()),
            ];
            ParameterSpace space = ParameterSpace.Of(parameters);
            var noise = new PhiloxNoise(8);
            using ParameterVector start = space.CreateVector(), origin = space.CreateVector();
            space.Save(start);
            foreach (bool mirrored in new[] { false, true })
            {
                space.Restore(start);
                space.MoveTo(start, noise, 4, 1, 0.01);
                if (mirrored)
                    space.Mirror(start);
                byte[][] there = Bits.Of(parameters);

                space.Restore(start);
                origin.Zero();
                space.Leave(origin, noise, 4, 1, 0.01, null, mirrored);
                Bits.AssertEqual(there, Bits.Of(parameters));
                Bits.AssertEqual(Bits.Of(start.Flats), Bits.Of(origin.Flats));

                space.Restore(start);
                space.MoveTo(start, noise, 4, 1, 0.01, null, mirrored);
                Bits.AssertEqual(there, Bits.Of(parameters));
            }
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void Vector_algebra_runs_over_all_data_types()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(tensor(new[] { 1f, 2f })), b = new(tensor(new[] { 3.0 })), c = new(tensor(new[] { 4f }));
        ParameterSpace space = ParameterSpace.Of([a, b, c]);
        using ParameterVector v = space.CreateVector(), w = space.CreateVector();
        space.Save(v);
        Assert.Equal(Math.Sqrt(30), v.Norm(), 1e-6);
        w.CopyFrom(v);
        w.Scale(2);
        Assert.Equal(60, v.Dot(w), 1e-12);
        w.Add(v, -1);
        Assert.Equal(30, v.Dot(w), 1e-12);
        w.MultiplyByWeights();
        Assert.Equal(1 + 8 + 27 + 64, v.Dot(w), 1e-12);
        w.Zero();
        Assert.Equal(0, w.Norm());
        using ParameterVector foreign = ParameterSpace.Of([a]).CreateVector();
        Assert.Throws<ArgumentException>("other", () => v.Add(foreign));
    }
}
