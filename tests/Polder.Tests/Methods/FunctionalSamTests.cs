using Polder.Methods;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Regularization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>Functional SAM: the Jacobian after the ascent and the loss's derivative before it, and the promises of every step.</summary>
public sealed class FunctionalSamTests : IDisposable
{
    private const double Rho = 0.4, Rate = 0.1;
    private static readonly long[] Labels = [0, 2, 1, 1, 0, 2];

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Tensor _x, _y;

    public FunctionalSamTests() => (_x, _y) = (linspace(-1, 1, 18, ScalarType.Float64).sin().view(6, 3).clone(), tensor(Labels));

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void The_update_is_the_rule_written_out()
    {
        (Parameter w, Parameter b) = Make();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w, b], Rate), new FunctionalSharpnessAware { Rho = Rho });
        for (int step = 0; step < 5; step++)
        {
            double[] expected = ByHand([.. w.data<double>().ToArray(), .. b.data<double>().ToArray()]);
            StepResult result = optimizer.Step(6, range => Outputs(w, b, range), Loss);
            Assert.Equal(2, result.GradientEvaluations);
            Assert.All(expected.Zip([.. w.data<double>().ToArray(), .. b.data<double>().ToArray()]), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        }
    }

    // tanh(W x + b): the Jacobian is 1 - z^2 times x, so the rule fits on a page.
    private double[] ByHand(double[] at)
    {
        double[,] x = new double[6, 3];
        double[] flat = [.. _x.flatten().data<double>()];
        for (int n = 0; n < 6; n++)
            for (int i = 0; i < 3; i++)
                x[n, i] = flat[(3 * n) + i];
        double[][] derivative = Derivative(at);
        double[] g = Back(at, derivative);
        double norm = Math.Sqrt(g.Sum(v => v * v));
        double[] moved = [.. at.Zip(g, (v, d) => v + (Rho * d / norm))];
        double[] update = Back(moved, derivative);
        return [.. at.Zip(update, (v, d) => v - (Rate * d))];

        double[] Z(double[] p, int n) =>
            [.. Enumerable.Range(0, 3).Select(k => Math.Tanh(Enumerable.Range(0, 3).Sum(i => p[(3 * k) + i] * x[n, i]) + p[9 + k]))];

        // The mean cross entropy's: (softmax(z) - label) / 6.
        double[][] Derivative(double[] p) =>
        [
            .. Enumerable.Range(0, 6).Select(n =>
            {
                double[] e = [.. Z(p, n).Select(Math.Exp)];
                return e.Select((v, k) => ((v / e.Sum()) - (k == Labels[n] ? 1 : 0)) / 6).ToArray();
            }),
        ];

        double[] Back(double[] p, double[][] d)
        {
            double[] sum = new double[12];
            for (int n = 0; n < 6; n++)
            {
                double[] z = Z(p, n);
                for (int k = 0; k < 3; k++)
                {
                    double inner = d[n][k] * (1 - (z[k] * z[k]));
                    sum[9 + k] += inner;
                    for (int i = 0; i < 3; i++)
                        sum[(3 * k) + i] += inner * x[n, i];
                }
            }
            return sum;
        }
    }

    [Fact]
    public void A_loss_that_is_linear_in_the_outputs_makes_it_sam()
    {
        double[] Run(IGradientMethod method)
        {
            (Parameter w, Parameter b) = Make();
            using var optimizer = new FlatMinimaOptimizer(optim.SGD([w, b], Rate), method);
            for (int step = 0; step < 4; step++)
                optimizer.Step(6, range => Outputs(w, b, range), (z, _) => z.sum());
            return [.. w.data<double>().ToArray(), .. b.data<double>().ToArray()];
        }
        Assert.All(Run(new SharpnessAware { Rho = Rho }).Zip(Run(new FunctionalSharpnessAware { Rho = Rho })),
            pair => Assert.Equal(pair.First, pair.Second, 1e-14));
    }

    [Fact]
    public void At_rho_zero_it_is_the_base_optimizer_bit_for_bit()
    {
        (Parameter w, Parameter b) = Make();
        (Parameter v, Parameter c) = Make();
        using var a = new FlatMinimaOptimizer(optim.SGD([w, b], Rate), new FunctionalSharpnessAware { Rho = 0 });
        using var plain = new FlatMinimaOptimizer(optim.SGD([v, c], Rate), new Plain());
        for (int step = 0; step < 4; step++)
        {
            Assert.Equal(1, a.Step(6, range => Outputs(w, b, range), Loss).GradientEvaluations);
            plain.Step(6, range => Loss(Outputs(v, c, range), range));
        }
        Bits.AssertEqual([v, c], [w, b]);
    }

    [Theory]
    [InlineData(0, true), InlineData(1, true), InlineData(0, false), InlineData(1, false)]
    public void Whatever_throws_the_weights_are_as_before(int pass, bool inOutputs)
    {
        (Parameter w, Parameter b) = Make();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w, b], Rate, momentum: 0.9), new FunctionalSharpnessAware { Rho = Rho });
        optimizer.Step(6, range => Outputs(w, b, range), Loss);
        byte[][] before = Bits.Of([w, b]);
        int calls = 0;
        Assert.Throws<TimeoutException>(() => optimizer.Step(6,
            range => inOutputs && calls++ == pass ? throw new TimeoutException() : Outputs(w, b, range),
            (z, range) => !inOutputs && calls++ == pass ? throw new TimeoutException() : Loss(z, range)));
        Bits.AssertEqual(before, Bits.Of([w, b]));
    }

    [Fact]
    public void Pieces_of_the_batch_come_to_the_whole_and_a_penalty_is_added_at_both_points()
    {
        double[] Run(int pieces, bool penalized)
        {
            using var model = new Flat(Make());
            using StartWeights start = StartWeights.Of(model);
            foreach (Parameter p in model.parameters())
                using (no_grad())
                    p.add_(0.25);
            using var optimizer = new FlatMinimaOptimizer(optim.SGD(model.parameters(), Rate), new FunctionalSharpnessAware { Rho = Rho });
            Parameter[] own = [.. model.parameters()];
            for (int step = 0; step < 3; step++)
            {
                using var batch = new OutputObjective(6, range => Outputs(own[0], own[1], range), Loss);
                IObjective objective = pieces == 1 ? batch : new AccumulatedObjective(batch, pieces);
                optimizer.Step(penalized ? new DistancePenalty(start, 0.5).On(objective) : objective);
            }
            return [.. own.SelectMany(p => p.data<double>().ToArray())];
        }
        Assert.All(Run(1, false).Zip(Run(3, false)), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.All(Run(1, true).Zip(Run(3, true)), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.Contains(Run(1, true).Zip(Run(1, false)), pair => Math.Abs(pair.First - pair.Second) > 1e-3);
    }

    [Fact]
    public void An_objective_without_outputs_is_refused_with_advice()
    {
        (Parameter w, Parameter b) = Make();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w, b], Rate), new FunctionalSharpnessAware());
        Assert.Contains("call Step(rows, range => outputs, (outputs, range) => loss)",
            Assert.Throws<InvalidOperationException>(() => optimizer.Step(() => Loss(Outputs(w, b, 0..6), 0..6))).Message);
        using var batch = new OutputObjective(6, range => Outputs(w, b, range), Loss);
        using var vector = optimizer.Space.CreateVector();
        Assert.Contains("no derivative was kept for the rows 1 to 3", Assert.Throws<InvalidOperationException>(() =>
            batch.Accumulate(optimizer.Space, vector, 1, 1..3, OutputDerivative.Kept)).Message);
    }

    [Fact]
    public void No_tensor_leaks()
    {
        (Parameter w, Parameter b) = Make();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w, b], Rate), new FunctionalSharpnessAware { Rho = Rho });
        optimizer.Step(6, range => Outputs(w, b, range), Loss).ToString();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = Tensor.TotalCount;
        for (int step = 0; step < 5; step++)
            optimizer.Step(6, range => Outputs(w, b, range), Loss);
        Assert.Equal(before, Tensor.TotalCount);
    }

    private static (Parameter W, Parameter B) Make() =>
        (new Parameter(linspace(-1, 1, 9, ScalarType.Float64).mul(3).cos().view(3, 3).clone()), new Parameter(linspace(0, 1, 3, ScalarType.Float64).clone()));

    private Tensor Outputs(Parameter w, Parameter b, Range range) => _x[range].mm(w.t()).add(b).tanh();

    private Tensor Loss(Tensor z, Range range) => nn.functional.cross_entropy(z, _y[range]);

    private sealed class Flat : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _weight, _bias;

        public Flat((Parameter W, Parameter B) own)
            : base("flat")
        {
            (_weight, _bias) = own;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input.mm(_weight.t()).add(_bias);
    }
}
