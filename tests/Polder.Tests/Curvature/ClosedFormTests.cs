using Polder.Curvature;
using Polder.Objectives;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>Models whose second derivatives can be written down.</summary>
public class ClosedFormTests
{
    private const int Examples = 21, Features = 4, Classes = 3;

    private readonly Tensor _inputs, _weights;

    public ClosedFormTests()
    {
        using var generator = new Generator(3);
        _inputs = randn([Examples, Features], ScalarType.Float64, generator: generator);
        _weights = randn([Classes, Features], ScalarType.Float64, generator: generator);
    }

    // Last batch smaller: 8 + 8 + 5.
    private IReadOnlyList<(Tensor, Tensor)> Batches(Tensor targets) =>
        [.. Enumerable.Range(0, 3).Select(i => (_inputs.narrow(0, 8 * i, i < 2 ? 8 : 5), targets.narrow(0, 8 * i, i < 2 ? 8 : 5)))];

    private Linear Model(int outputs)
    {
        Linear model = nn.Linear(Features, outputs, hasBias: false, dtype: ScalarType.Float64);
        using (no_grad())
            model.weight!.copy_(_weights.narrow(0, 0, outputs));
        return model;
    }

    [Fact]
    public void Linear_regression_has_twice_the_second_moments_of_its_inputs()
    {
        using var scope = NewDisposeScope();
        var hessian = Hessian.Of(Model(1), Batches(zeros([Examples, 1], ScalarType.Float64)), (z, y) => nn.functional.mse_loss(z, y));
        Equal(_inputs.t().mm(_inputs).mul(2.0 / Examples), hessian.ToDense());
        Equal(hessian.ToDense(), new GaussNewton(hessian.Loss).ToDense());
        // And under a sum instead of a mean.
        var sum = Hessian.Of(
            Model(1), Batches(zeros([Examples, 1], ScalarType.Float64)), (z, y) => nn.functional.mse_loss(z, y, nn.Reduction.Sum),
            new EmpiricalLossOptions { Reduction = LossReduction.Sum });
        Equal(_inputs.t().mm(_inputs).mul(2), sum.ToDense());
    }

    [Fact]
    public void Logistic_regression_weighs_the_second_moments_by_the_variance_of_the_label()
    {
        using var scope = NewDisposeScope();
        Tensor targets = arange(Examples).remainder(2).to(ScalarType.Float64).view(Examples, 1);
        var hessian = Hessian.Of(Model(1), Batches(targets), (z, y) => nn.functional.binary_cross_entropy_with_logits(z, y));
        Tensor p = _inputs.mm(_weights.narrow(0, 0, 1).t()).sigmoid(), variance = p.mul(p.neg().add(1));
        Equal(_inputs.t().mm(_inputs.mul(variance)).div(Examples), hessian.ToDense());
        Equal(hessian.ToDense(), new GaussNewton(hessian.Loss).ToDense());
        // The gradient of an example is (p - y) x.
        Tensor slope = p.sub(targets);
        Equal(_inputs.t().mm(_inputs.mul(slope.square())).div(Examples), new EmpiricalFisher(hessian.Loss).ToDense());
    }

    [Fact]
    public void Softmax_regression_is_the_mean_Kronecker_product_of_label_covariance_and_inputs()
    {
        using var scope = NewDisposeScope();
        Tensor targets = arange(Examples).remainder(Classes);
        var hessian = Hessian.Of(Model(Classes), Batches(targets), MlpSmall.CrossEntropy);
        Tensor expected = zeros([Classes * Features, Classes * Features], ScalarType.Float64), fisher = zeros_like(expected);
        for (int i = 0; i < Examples; i++)
        {
            Tensor x = _inputs[i], p = _weights.mv(x).softmax(0);
            Tensor label = nn.functional.one_hot(targets[i], Classes).to(ScalarType.Float64);
            expected.add_(kron(diag(p).sub(outer(p, p)), outer(x, x)).div(Examples));
            Tensor gradient = outer(p.sub(label), x).flatten();
            fisher.add_(outer(gradient, gradient).div(Examples));
        }
        Equal(expected, hessian.ToDense());
        Equal(expected, new GaussNewton(hessian.Loss).ToDense());
        Equal(fisher, new EmpiricalFisher(hessian.Loss).ToDense());
    }

    [Fact]
    public void The_Gauss_Newton_matrix_of_a_deeper_network_has_no_negative_eigenvalue_and_the_Hessian_has()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        var model = nn.Sequential(nn.Linear(Features, 5), nn.Tanh(), nn.Linear(5, Classes));
        model.to(ScalarType.Float64);
        var hessian = Hessian.Of(model, Batches(arange(Examples).remainder(Classes)), MlpSmall.CrossEntropy);
        Tensor gauss = linalg.eigvalsh(new GaussNewton(hessian.Loss).ToDense());
        Assert.True(gauss.min().ToDouble() > -1e-14);
        Assert.True(gauss.max().ToDouble() > 0.01);
        Assert.True(linalg.eigvalsh(hessian.ToDense()).min().ToDouble() < -1e-3);
    }

    [Fact]
    public void A_function_without_data_has_the_Hessian_of_its_formula()
    {
        using var scope = NewDisposeScope();
        var x = new Parameter(tensor(new[] { 0.5, -1.5 }));
        var y = new Parameter(tensor(new[] { 2.0 }));
        var unused = new Parameter(tensor(new[] { 7.0 }));
        // x0^3 x1 + y x0^2: with a third parameter that it does not depend on.
        Hessian hessian = Hessian.Of([x, y, unused], () => x[0].pow(3).mul(x[1]).add(y[0].mul(x[0].square())));
        Tensor expected = tensor(new[,] { { (6 * 0.5 * -1.5) + (2 * 2.0), 3 * 0.25, 1.0, 0 }, { 0.75, 0, 0, 0 }, { 1, 0, 0, 0 }, { 0, 0, 0, 0 } });
        Equal(expected, hessian.ToDense());
        Equal(zeros(2, 2, ScalarType.Float64), Hessian.Of([x], () => x.sum()).ToDense()); // linear: no curvature
    }

    private static void Equal(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(actual.sub(expected).abs().max().ToDouble() < 1e-13, $"off by {actual.sub(expected).abs().max().ToDouble():G3}");
    }
}
