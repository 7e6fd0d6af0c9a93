using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>A method's update rule, written out by hand on plain arrays.</summary>
internal delegate double[] Rule(double[] w, int step, Func<double[], double[]> gradient, double[] noise);

/// <summary>Runs a method beside its rule, and what rules are written with.</summary>
internal static class Replays
{
    public const int Steps = 12;
    public const double Rate = 0.05;

    public static void Replay(string name, IGradientMethod method, Rule rule, Func<int, int>? cost = null) => Replay(name, _ => method, rule, cost);

    public static void Replay(string name, Func<HandProblem, IGradientMethod> make, Rule rule, Func<int, int>? cost = null)
    {
        using var problem = HandProblem.Make(name);
        double[] w = problem.Weights;
        var random = new Random(8);
        var noise = new double[Steps, 1, w.Length];
        for (int t = 0; t < Steps; t++)
            for (int i = 0; i < w.Length; i++)
                noise[t, 0, i] = (random.NextDouble() * 4) - 2;
        IGradientMethod method = make(problem);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, Rate), method, noise: new FixedNoise(noise));
        for (int step = 0; step < Steps; step++)
        {
            StepResult result = optimizer.Step(() => problem.Loss(step));
            Assert.Equal(cost?.Invoke(step) ?? method.GradientEvaluations, result.GradientEvaluations);
            double[] u = [.. Enumerable.Range(0, w.Length).Select(i => noise[step, 0, i])];
            w = Add(w, rule(w, step, at => problem.Gradient(at, step), u), -Rate);
            double[] actual = problem.Weights;
            for (int i = 0; i < w.Length; i++)
                Assert.Equal(w[i], actual[i], 1e-12);
        }
    }

    public static double[] FilterNorms(string problem, double[] w)
    {
        (int Start, int End)[] filters = problem == "quadratic" ? [(0, 2), (2, 4), (4, 6)] : [(0, 2), (2, 4), (4, 6), (6, 9), (9, 12)];
        return [.. filters.SelectMany(f => Enumerable.Repeat(Norm(w[f.Start..f.End]), f.End - f.Start))];
    }

    public static double[] Add(double[] a, double[] b, double factor) => [.. a.Zip(b, (x, y) => x + (factor * y))];

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    public static double Norm(double[] a) => Math.Sqrt(Dot(a, a));
}
