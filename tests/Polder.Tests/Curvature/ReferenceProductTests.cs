using Polder.Curvature;
using Polder.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>Gradient and products of reference/mlpsmall, as PyTorch computed them in float64.</summary>
public class ReferenceProductTests
{
    [Fact]
    public void Loss_gradient_and_products_of_all_probes_are_the_references()
    {
        using var scope = NewDisposeScope();
        var network = new MlpSmall();
        Hessian hessian = network.Hessian();
        Assert.Equal(network.Values.GetProperty("loss").GetDouble(), hessian.Loss.Value(), 1e-12);
        Close(MlpSmall.Read("grad_f64", 2410), hessian.Loss.Gradient(), 1e-12);

        // All probes in one call, so they share the forward pass.
        Tensor products = hessian.Multiply(MlpSmall.Read("probes", 8, 2410));
        Close(MlpSmall.Read("Hprobes_f64", 8, 2410), products, 1e-12);
        Close(products[3], hessian.MultiplyVector(MlpSmall.Read("probes", 8, 2410)[3]), 1e-14);
    }

    [Fact]
    public void The_trace_of_the_whole_matrix_and_of_each_tensor_are_the_references()
    {
        using var scope = NewDisposeScope();
        var network = new MlpSmall();
        Hessian hessian = network.Hessian(batchSize: 256);
        Tensor matrix = hessian.ToDense(rowsAtOnce: 241);
        Tensor diagonal = matrix.diagonal();
        Assert.Equal(15.288832747936954, diagonal.sum().ToDouble(), 1e-10);
        foreach (ParameterBlock block in hessian.Loss.Tensors)
            Assert.Equal(
                network.Values.GetProperty("trace_per_param").GetProperty(block.Name).GetDouble(),
                diagonal.narrow(0, block.Offset, block.Count).sum().ToDouble(), 1e-10);
        Assert.True(matrix.sub(matrix.t()).abs().max().ToDouble() < 1e-15);
        Tensor eigenvalues = linalg.eigvalsh(matrix);
        Close(MlpSmall.Read("eigvals_f64", 2410).sort().Values, eigenvalues, 1e-12);
    }

    [Fact]
    public void Float32_agrees_with_float64_to_its_own_precision()
    {
        using var scope = NewDisposeScope();
        Tensor products = new MlpSmall(ScalarType.Float32).Hessian().Multiply(MlpSmall.Read("probes", 8, 2410).to(ScalarType.Float32));
        Close(MlpSmall.Read("Hprobes_f64", 8, 2410), products.to(ScalarType.Float64), 1e-5);
    }

    [Fact]
    public void A_difference_of_gradients_is_the_product_to_the_square_of_its_step()
    {
        using var scope = NewDisposeScope();
        Hessian hessian = new MlpSmall().Hessian();
        Tensor probes = MlpSmall.Read("probes", 8, 2410).narrow(0, 0, 2), exact = hessian.Multiply(probes);
        double Error(double step) => Relative(exact, new FiniteDifferenceHessian(hessian.Loss, step).Multiply(probes));
        Assert.True(Error(1e-5) < 1e-8);
        Assert.Equal(4, Error(2e-2) / Error(1e-2), 0.1);
    }

    private static void Close(Tensor expected, Tensor actual, double relative) =>
        Assert.True(Relative(expected, actual) < relative, $"relative error {Relative(expected, actual):G3}");

    private static double Relative(Tensor expected, Tensor actual) => actual.sub(expected).norm().ToDouble() / expected.norm().ToDouble();
}
