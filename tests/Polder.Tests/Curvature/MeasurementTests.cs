using Polder.Curvature;
using Polder.Objectives;
using Polder.Parameters;
using Polder.Testing;
using Polder.Tests.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>What a measurement does to the model (nothing), and what it refuses: every bad input is an exception, none ends the process.</summary>
public class MeasurementTests
{
    private readonly Tensor _inputs = randn([12, 6], generator: new Generator(8)), _targets = arange(12).remainder(3);

    private IReadOnlyList<(Tensor, Tensor)> Data => [(_inputs.narrow(0, 0, 8), _targets.narrow(0, 0, 8)), (_inputs.narrow(0, 8, 4), _targets.narrow(0, 8, 4))];

    private static Tensor Ones(Hessian a) => ones([2, a.Dimension], a.DataType);

    [Theory, InlineData(ModelMode.Evaluation), InlineData(ModelMode.BatchStatistics)]
    public void Modes_gradients_buffers_and_weights_are_as_before(ModelMode mode)
    {
        using var scope = NewDisposeScope();
        var network = new Network(dropout: 0.5);
        network.Module.train();
        ((Dropout)network.Module.named_children().Single(c => c.name == "drop").module).eval(); // a mixed state
        network.Loss(0).backward();
        byte[][] gradients = Bits.Of(network.Module.parameters().Select(p => p.grad!)), buffers = Bits.Of(network.Module.buffers()),
            weights = Bits.Of(network.Module.parameters());
        bool[] modes = [.. network.Module.modules().Select(m => m.training)];
        bool flash = backends.cuda.flash_sdp_enabled();

        Hessian hessian = Hessian.Of(network.Module, Data, MlpSmall.CrossEntropy, new EmpiricalLossOptions { Mode = mode });
        hessian.Multiply(Ones(hessian));
        new FiniteDifferenceHessian(hessian.Loss).Multiply(Ones(hessian));
        hessian.Loss.Value();
        hessian.Loss.Gradient();

        Bits.AssertEqual(gradients, Bits.Of(network.Module.parameters().Select(p => p.grad!)));
        Bits.AssertEqual(buffers, Bits.Of(network.Module.buffers()));
        Bits.AssertEqual(weights, Bits.Of(network.Module.parameters()));
        Assert.Equal(modes, network.Module.modules().Select(m => m.training));
        Assert.Equal(flash, backends.cuda.flash_sdp_enabled());
    }

    [Fact]
    public void A_block_of_the_whole_is_the_Hessian_of_those_parameters()
    {
        using var scope = NewDisposeScope();
        var network = new Network(ScalarType.Float64);
        Hessian whole = Hessian.Of(network.Module, Data, MlpSmall.CrossEntropy);
        Hessian last = new(whole.Loss.Restrict(ParameterSelection.ByName(network.Module, name => name.StartsWith("last", StringComparison.Ordinal))));
        Assert.Equal(["last.weight", "last.bias"], last.Loss.Tensors.Select(t => t.Name));
        Assert.Equal(["first", "norm", "last"], whole.Loss.Layers.Select(l => l.Name));
        ParameterBlock block = whole.Loss.Layers[2];
        Assert.True(whole.Block(block.Offset, block.Count).ToDense().sub(last.ToDense()).abs().max().ToDouble() < 1e-15);
    }

    [Fact]
    public void Batch_statistics_make_another_function_than_running_statistics()
    {
        using var scope = NewDisposeScope();
        var network = new Network(ScalarType.Float64);
        Tensor evaluation = Hessian.Of(network.Module, Data, MlpSmall.CrossEntropy).ToDense();
        Hessian batch = Hessian.Of(network.Module, Data, MlpSmall.CrossEntropy, new EmpiricalLossOptions { Mode = ModelMode.BatchStatistics });
        Tensor exact = batch.ToDense(), differences = new FiniteDifferenceHessian(batch.Loss, 1e-6).ToDense();
        Assert.True(exact.sub(evaluation).abs().max().ToDouble() > 1e-2);
        Assert.True(exact.sub(differences).abs().max().ToDouble() < 1e-6);
    }

    [Fact]
    public void Products_give_their_tensors_back()
    {
        var network = new Network();
        Hessian hessian = Hessian.Of(network.Module, Data, MlpSmall.CrossEntropy);
        GaussNewton gauss = new(hessian.Loss);
        EmpiricalFisher fisher = new(hessian.Loss);
        FiniteDifferenceHessian differences = new(hessian.Loss);
        using Tensor vectors = Ones(hessian);
        foreach (ILinearOperator a in new ILinearOperator[] { hessian, gauss, fisher, differences, hessian.Scaled(2).Shifted(1).Plus(gauss).Block(3, 20) })
        {
            using Tensor own = a.Dimension == vectors.shape[1] ? vectors.clone() : vectors.narrow(1, 0, a.Dimension).contiguous();
            LiveTensors.AssertSteady(() =>
            {
                using var scope = NewDisposeScope();
                a.Multiply(own);
            });
        }
        // Without a scope around it, a call leaves its result only.
        long before = Tensor.TotalCount;
        using (Tensor product = hessian.Multiply(vectors))
            Assert.Equal(before + 1, Tensor.TotalCount);
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Attention_has_second_derivatives_here()
    {
        using var scope = NewDisposeScope();
        var query = new Parameter(randn([1, 2, 5, 4], ScalarType.Float64, generator: new Generator(1)));
        Hessian hessian = Hessian.Of([query], () => nn.functional.scaled_dot_product_attention(query, query, query).square().sum());
        Tensor vector = ones([1, hessian.Dimension], ScalarType.Float64);
        Tensor difference = new FiniteDifferenceHessian(hessian.Loss).Multiply(vector).sub(hessian.Multiply(vector));
        Assert.True(difference.abs().max().ToDouble() < 1e-6);
    }

    [Fact]
    public void Vectors_of_a_wrong_shape_type_or_life_are_refused()
    {
        using var scope = NewDisposeScope();
        Hessian hessian = Hessian.Of(new Network().Module, Data, MlpSmall.CrossEntropy);
        long d = hessian.Dimension;
        Assert.Contains($"allowed: [count, {d}]", Assert.Throws<ArgumentException>(() => hessian.Multiply(ones(2, d + 1))).Message);
        Assert.Throws<ArgumentException>(() => hessian.Multiply(ones(d)));
        Assert.Throws<ArgumentException>(() => hessian.Multiply(ones(0, d)));
        Assert.Throws<ArgumentNullException>(() => hessian.Multiply(null!));
        Assert.Contains("allowed: Float32", Assert.Throws<ArgumentException>(() => hessian.Multiply(ones([1, d], ScalarType.Float64))).Message);
        Tensor gone = ones(1, d);
        gone.Dispose();
        Assert.Throws<ArgumentException>(() => hessian.Multiply(gone));
        Assert.Throws<ArithmeticException>(() => hessian.Multiply(full([1, d], double.NaN, ScalarType.Float32)));
        Assert.Throws<OperationCanceledException>(() => hessian.Multiply(ones(1, d), new CancellationToken(true)));
    }

    [Fact]
    public void Losses_that_have_no_curvature_are_refused()
    {
        using var scope = NewDisposeScope();
        nn.Module<Tensor, Tensor> model = new Network().Module;
        void Refused<T>(Func<Tensor, Tensor, Tensor> loss, string words)
            where T : Exception
        {
            Hessian hessian = Hessian.Of(model, Data, loss);
            Assert.Contains(words, Assert.Throws<T>(() => hessian.Multiply(Ones(hessian))).Message);
        }

        Refused<InvalidOperationException>((z, y) => z, "shape [8, 3]");
        Refused<InvalidOperationException>((z, y) => null!, "no tensor");
        Refused<InvalidOperationException>((z, y) => z.argmax(1).sum(), "Int64");
        Refused<InvalidOperationException>((z, y) => MlpSmall.CrossEntropy(z, y).detach(), "does not depend on the parameters");
        Refused<InvalidOperationException>((z, y) => zeros(1).squeeze().requires_grad_(false), "does not depend on the parameters");
        Refused<ArithmeticException>((z, y) => z.sum().mul(double.PositiveInfinity).sub(z.sum().mul(double.PositiveInfinity)), "NaN");
        // A target out of range and a shape that does not fit are errors of native code.
        Assert.ThrowsAny<Exception>(() => Hessian.Of(model, [(_inputs, _targets.add(3))], MlpSmall.CrossEntropy).Loss.Gradient());
        Assert.ThrowsAny<Exception>(() => Hessian.Of(model, [(_inputs.narrow(1, 0, 5), _targets)], MlpSmall.CrossEntropy).Loss.Gradient());
        // A graph that is spent: the loss called backward itself.
        Refused<System.Runtime.InteropServices.ExternalException>(
            (z, y) =>
            {
                Tensor value = MlpSmall.CrossEntropy(z, y);
                if (value.requires_grad)
                    value.backward();
                return value;
            },
            "backward");
    }

    [Fact]
    public void A_loss_knows_that_it_is_being_measured()
    {
        using var scope = NewDisposeScope();
        var x = new Parameter(ones(2));
        bool fails = false;
        Hessian hessian = Hessian.Of([x], () =>
        {
            Assert.True(LossMeasurement.IsUnderWay);
            return fails ? throw new TimeoutException() : x.pow(3).sum();
        });
        Assert.Equal([6f, 6f], hessian.Multiply(ones(1, 2)).data<float>().ToArray());
        Assert.False(LossMeasurement.IsUnderWay);
        fails = true;
        Assert.Throws<TimeoutException>(() => hessian.Multiply(Ones(hessian)));
        Assert.False(LossMeasurement.IsUnderWay);
    }

    [Fact]
    public void An_operation_without_second_derivative_names_the_way_out()
    {
        using var scope = NewDisposeScope();
        var x = new Parameter(randn([1, 1, 6, 6], generator: new Generator(2)));
        Hessian hessian = Hessian.Of([x], () => WithoutSecondDerivative(x));
        NotSupportedException error = Assert.Throws<NotSupportedException>(() => hessian.Multiply(Ones(hessian)));
        Assert.Contains(nameof(FiniteDifferenceHessian), error.Message);
        Assert.True(new FiniteDifferenceHessian(hessian.Loss).Multiply(Ones(hessian)).isfinite().all().ToBoolean());
    }

    // The pairwise distances' backward has no derivative.
    private static Tensor WithoutSecondDerivative(Tensor x) => cdist(x.view(6, 6), x.view(6, 6).square(), 3).sum();

    [Fact]
    public void Selections_types_and_data_that_do_not_fit_are_refused()
    {
        using var scope = NewDisposeScope();
        Sequential model = new Network().Module, other = new Network().Module;
        Assert.Throws<ArgumentException>(() =>
            Hessian.Of(model, Data, MlpSmall.CrossEntropy, new EmpiricalLossOptions { Parameters = ParameterSelection.NormalizationLayers(other) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Hessian.Of(model, Data, MlpSmall.CrossEntropy, new EmpiricalLossOptions { Mode = (ModelMode)7 }));
        Assert.Contains("no batch",
            Assert.Throws<InvalidOperationException>(() => Hessian.Of(model, Array.Empty<(Tensor, Tensor)>(), MlpSmall.CrossEntropy).Loss.Value()).Message);
        Hessian converted = Hessian.Of(other, Data, MlpSmall.CrossEntropy);
        other.to(ScalarType.Float64);
        Assert.ThrowsAny<Exception>(() => converted.Multiply(ones(1, converted.Dimension)));
        var half = new Parameter(ones(3, ScalarType.BFloat16));
        Assert.Contains("allowed: Float32, Float64", Assert.Throws<ArgumentException>(() => Hessian.Of([half], () => half.sum())).Message);
        Assert.Throws<ArgumentException>(() => Hessian.Of([half, new Parameter(ones(2))], () => half.sum()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FiniteDifferenceHessian(converted.Loss, 0));
        Assert.Throws<NotSupportedException>(() =>
        {
            var x = new Parameter(ones(2));
            return new GaussNewton(EmpiricalLoss.Of([x], () => x.square().sum())).Multiply(ones(1, 2));
        });
    }

    [Fact]
    public void What_changes_from_pass_to_pass_is_refused_with_the_reason()
    {
        using var scope = NewDisposeScope();
        Sequential model = new Network(dropout: 0.5).Module;
        string Refusal(IEnumerable<(Tensor, Tensor)> data, ModelMode mode = ModelMode.Evaluation, Func<Tensor, Tensor, Tensor>? loss = null)
        {
            Hessian hessian = Hessian.Of(model, data, loss ?? MlpSmall.CrossEntropy, new EmpiricalLossOptions { Mode = mode });
            return Assert.Throws<InvalidOperationException>(() => hessian.Multiply(Ones(hessian))).Message;
        }

        int pass = 0;
        IEnumerable<(Tensor, Tensor)> Turning(Func<int, Tensor> inputs, Func<int, Tensor> targets)
        {
            pass++;
            for (int i = 0; i < 2; i++)
                yield return (inputs(pass).narrow(0, 6 * i, 6), targets(pass).narrow(0, 6 * i, 6));
        }

        Assert.Contains("shuffled", Refusal(Turning(p => _inputs.roll(p, 0), p => _targets.roll(p, 0))));
        Assert.Contains("augmented", Refusal(Turning(p => _inputs.mul(p), _ => _targets)));
        Assert.Contains("enumerated only once", Refusal(Once()));
        model.train();
        Assert.Contains("BatchNorm1d layer is in training mode", Refusal(Data, ModelMode.AsItStands));
        model.named_children().Single(c => c.name == "norm").module.eval();
        Assert.Contains("random numbers", Refusal(Data, ModelMode.AsItStands)); // dropout
        model.eval();
        Assert.Contains("random numbers", Refusal(Data, loss: (z, y) => nn.functional.cross_entropy(nn.functional.dropout(z, 0.5, true), y)));
        // And the check can be left out.
        Hessian unchecked_ = Hessian.Of(model, Turning(p => _inputs.mul(p), _ => _targets), MlpSmall.CrossEntropy,
            new EmpiricalLossOptions { CheckDeterminism = false });
        unchecked_.Multiply(Ones(unchecked_));

        IEnumerable<(Tensor, Tensor)> Once()
        {
            if (pass++ < 100)
            {
                pass = 100;
                yield return (_inputs, _targets);
            }
        }
    }
}
