using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using static TorchSharp.torch;

namespace Polder.Tests.Methods.Registry;

/// <summary>What the registry says of each method is what the method does.</summary>
public class MethodRegistryTests
{
    public static TheoryData<string> Names => [.. MethodRegistry.Names];

    [Fact]
    public void Every_method_of_the_library_has_an_entry()
    {
        Type[] types = [.. typeof(IGradientMethod).Assembly.GetTypes().Where(t => t.IsClass && !t.IsAbstract && typeof(IGradientMethod).IsAssignableFrom(t))];
        using var model = new Normalised();
        Type[] made = [.. MethodRegistry.All.Select(m => m.Create(new MethodSetup { Model = model }).GetType()).Distinct()];
        Assert.Equal(types.Select(t => t.Name).Order(StringComparer.Ordinal), made.Select(t => t.Name).Order(StringComparer.Ordinal));
        Assert.Equal(MethodRegistry.Names.Count, MethodRegistry.Names.Distinct().Count());
    }

    [Theory, MemberData(nameof(Names))]
    public void Name_cost_and_buffers_are_those_of_the_method(string name)
    {
        const int steps = 20;
        MethodEntry entry = MethodRegistry.Named(name);
        using var model = new Normalised();
        IGradientMethod method = entry.Create(new MethodSetup { Model = model, Steps = steps, Examples = 50 });
        Assert.Equal(name, method.Name);

        (double gradients, long tensors) = Run(method, model, steps);
        (_, long without) = Run(new Plain(), model, steps);
        Assert.Equal(entry.PassesPerStep, gradients / steps, 1e-12);

        ParameterSpace space = ParameterSpace.Of(model.parameters());
        long before = Tensor.TotalCount;
        using ParameterVector vector = space.CreateVector();
        long aVector = Tensor.TotalCount - before;
        Assert.Equal(entry.ExtraParameterBuffers, (double)(tensors - without) / aVector);
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_default_is_an_allowed_value_and_the_methods_own(string name)
    {
        MethodEntry entry = MethodRegistry.Named(name);
        foreach (MethodOption option in entry.Options)
        {
            Assert.True(option.TryParse(MethodOption.Text(option.Default), out object read), option.Name);
            Assert.Equal(option.Default, read);
        }
        Assert.Equal(entry.Options.Count, entry.Options.Select(o => o.Name).Distinct().Count());
        // A name means the same for all: the summary may only differ where the range does.
        foreach (MethodOption option in entry.Options)
            foreach (MethodOption other in MethodRegistry.All.Select(m => m.Option(option.Name)).OfType<MethodOption>().Where(o => o.Range == option.Range))
                Assert.Equal(option.Summary, other.Summary);

        // The library's defaults and the registry's are one.
        using var model = new Normalised();
        IGradientMethod made = entry.Create(new MethodSetup { Model = model, Examples = 1 });
        IGradientMethod own = (IGradientMethod)Activator.CreateInstance(made.GetType())!;
        if (own.Name == name)
            Assert.Equal(own is BayesianSharpnessAware bayesian ? bayesian with { Examples = 1 } : own, WithoutShape(made));
    }

    [Theory]
    [InlineData("constant", 0, 0.1, 0.1)]
    [InlineData("linear", 0, 0.05, 0.1)]
    [InlineData("linear:0.2", 0.2, 0.15, 0.1)]
    [InlineData("log-linear:0.001", 0.001, 0.01, 0.1)]
    [InlineData("cosine", 0, 0.05, 0.1)]
    [InlineData("late", 0, 0.1, 0.1)]
    [InlineData("late:0.75", 0, 0, 0.1)]
    public void Schedules_are_stretched_over_the_run(string schedule, double start, double middle, double end)
    {
        var method = Assert.IsType<NoiseStability>(MethodRegistry.Named("nso").Create(
            new MethodSetup { Steps = 40 }, new Dictionary<string, object> { ["sigma"] = 0.1, ["sigma-schedule"] = schedule }));
        if (schedule != "constant")
            Assert.Equal(start, method.Sigma.At(0), 1e-15);
        Assert.Equal(middle, method.Sigma.At(20), 1e-15);
        Assert.Equal(end, method.Sigma.At(40), 1e-15);
    }

    [Theory]
    [InlineData("constant:1"), InlineData("linear:-1"), InlineData("linear:"), InlineData("log-linear:0"), InlineData("late:2"), InlineData("steps"), InlineData("linear:0:1")]
    public void Other_schedules_are_refused(string schedule) =>
        Assert.Contains("allowed: constant, linear[:START]", Assert.Throws<ArgumentException>(() =>
            MethodRegistry.Named("nso").Create(options: new Dictionary<string, object> { ["sigma-schedule"] = schedule })).Message);

    [Theory]
    [InlineData("auto:0.1", 0.1, 0.01), InlineData("auto:0.25:0.05", 0.25, 0.05), InlineData("auto:1e-3:2", 0.001, 2)]
    public void Sigma_of_nso_follows_the_curvature_where_asked(string text, double share, double start)
    {
        var method = Assert.IsType<NoiseStability>(MethodRegistry.Named("nso").Create(
            new MethodSetup { Steps = 40 }, new Dictionary<string, object> { ["sigma"] = text }));
        Assert.True(method.Sigma.IsAuto);
        Assert.Equal(start, method.Sigma.Value);
        Assert.Equal(Sigma.Auto(share, start).ToString(), method.Sigma.ToString());
    }

    [Theory]
    [InlineData("auto"), InlineData("auto:"), InlineData("auto:0"), InlineData("auto:1"), InlineData("auto:-0.1"), InlineData("auto:NaN")]
    [InlineData("auto:0.1:"), InlineData("auto:0.1:0"), InlineData("auto:0.1:0.01:1"), InlineData("Auto:0.1"), InlineData("-1")]
    public void Another_sigma_is_refused(string text) =>
        Assert.Contains($"sigma of nso: found {text}, allowed: a number >= 0, or auto:SHARE[:START]", Refused("nso", ("sigma", text)));

    [Fact]
    public void Only_nso_has_the_pairs_that_auto_needs_and_a_schedule_beside_it_is_refused()
    {
        foreach (string name in MethodRegistry.All.Where(m => m.Name != "nso" && m.Option("sigma") is not null).Select(m => m.Name))
            Assert.Contains($"sigma of {name}: found auto:0.1, allowed: a number >= 0", Refused(name, ("sigma", "auto:0.1")));
        string message = Refused("nso", ("sigma", "auto:0.1"), ("sigma-schedule", "linear"));
        Assert.Equal("sigma-schedule: found linear, allowed with sigma auto:0.1: constant, since sigma follows the curvature", message);
    }

    [Fact]
    public void Noise_goes_where_the_options_say()
    {
        using var model = new Normalised();
        var setup = new MethodSetup { Model = model, Head = [.. model.Head.parameters()] };
        NoiseShape Shape(string option, string value) => Assert.IsType<WeightPerturbation>(
            MethodRegistry.Named("wp").Create(setup, new Dictionary<string, object> { [option] = value })).Shape;

        Assert.Null(Shape("noise-on", "all").Within);
        Assert.Equal([false, false, true, true, false, false], model.parameters().Select(Shape("noise-on", "norm").Within!.Contains));
        Assert.Equal([false, false, false, false, true, true], model.parameters().Select(Shape("noise-on", "head").Within!.Contains));
        Assert.Equal([true, true, true, true, false, false], model.parameters().Select(Shape("noise-on", "body").Within!.Contains));
        Assert.Equal((NoiseScale.FilterNormalised, NoiseScale.LayerRelative), (Shape("noise-scale", "filter").Scale, Shape("noise-scale", "layer").Scale));
        Assert.Throws<ArgumentException>(() => MethodRegistry.Named("samon").Create());
    }

    [Fact]
    public void The_distribution_is_read_from_the_options()
    {
        MethodEntry nso = MethodRegistry.Named("nso");
        Assert.Same(NoiseDistribution.Rademacher, MethodEntry.DistributionOf(nso.Complete(new Dictionary<string, object> { ["noise"] = "rademacher" })));
        Assert.Same(NoiseDistribution.Normal, MethodEntry.DistributionOf(MethodRegistry.Named("sam").Complete(new Dictionary<string, object>())));
    }

    private static string Refused(string method, params (string Option, string Value)[] options) => Assert.Throws<ArgumentException>(() =>
        MethodRegistry.Named(method).Create(options: options.ToDictionary(o => o.Option, o => (object)o.Value))).Message;

    // A shape is made anew and compares by reference inside; the default one is known to be plain.
    private static IGradientMethod WithoutShape(IGradientMethod method) => method switch
    {
        NoiseStability nso => nso with { Shape = NoiseShape.Everywhere },
        WeightPerturbation wp => wp with { Shape = NoiseShape.Everywhere },
        _ => method,
    };

    private static (double Gradients, long Tensors) Run(IGradientMethod method, Normalised model, int steps)
    {
        using Tensor x = linspace(-1, 1, 12).view(4, 3);
        using var sgd = optim.SGD(model.parameters(), 0.01);
        // What earlier tests left to the garbage collector must not vanish in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = Tensor.TotalCount;
        using var optimizer = new FlatMinimaOptimizer(sgd, method, model);
        double gradients = 0;
        for (int step = 0; step < steps; step++)
            gradients += optimizer.Step(() => model.call(x).pow(2).mean()).GradientEvaluations;
        return (gradients, Tensor.TotalCount - before);
    }

    private sealed class Normalised : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear _first = nn.Linear(3, 5);
        private readonly TorchSharp.Modules.LayerNorm _norm = nn.LayerNorm(5);

        public Normalised()
            : base("normalised") => RegisterComponents();

        public TorchSharp.Modules.Linear Head { get; } = nn.Linear(5, 2);

        public override Tensor forward(Tensor input) => Head.call(_norm.call(_first.call(input)));
    }
}
