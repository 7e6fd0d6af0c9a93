using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Probes;
using static TorchSharp.torch;

namespace Polder.Tests.Methods.Registry;

/// <summary>What the registry says of each method is what the method does.</summary>
public class MethodRegistryTests
{
    public static TheoryData<string> Names => [.. MethodRegistry.OfLibrary.Select(m => m.Name)];

    [Fact]
    public void Every_method_of_the_library_has_an_entry()
    {
        Type[] types = [.. typeof(IGradientMethod).Assembly.GetTypes().Where(t => t.IsClass && !t.IsAbstract && typeof(IGradientMethod).IsAssignableFrom(t)
            && !typeof(DecoratedMethod).IsAssignableFrom(t))];
        using var model = new Normalised();
        Type[] made = [.. MethodRegistry.OfLibrary.Select(m => m.Create(new MethodSetup { Model = model }).GetType()).Distinct()];
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

        Run(new Plain(), model, 1); // what is made once a process is not the method's
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
            Assert.Equal(own switch
            {
                BayesianSharpnessAware bayesian => bayesian with { Examples = 1 },
                VariationalOnlineNewton newton => newton with { Examples = 1 },
                _ => own,
            }, WithoutRun(made));
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
    [InlineData("constant:1"), InlineData("linear:-1"), InlineData("linear:"), InlineData("log-linear:0"), InlineData("late:2"), InlineData("steps"),
        InlineData("linear:0:1")]
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
        Assert.Equal((NoiseScale.FilterNormalized, NoiseScale.LayerRelative), (Shape("noise-scale", "filter").Scale, Shape("noise-scale", "layer").Scale));
        Assert.Throws<ArgumentException>(() => MethodRegistry.Named("samon").Create());
    }

    [Fact]
    public void The_distribution_is_read_from_the_options()
    {
        MethodEntry nso = MethodRegistry.Named("nso");
        Assert.Same(NoiseDistribution.Rademacher, MethodEntry.DistributionOf(nso.Complete(new Dictionary<string, object> { ["noise"] = "rademacher" })));
        Assert.Same(NoiseDistribution.Normal, MethodEntry.DistributionOf(MethodRegistry.Named("sam").Complete(new Dictionary<string, object>())));
    }

    [Fact]
    public void A_method_of_one_s_own_is_registered_and_trains()
    {
        IReadOnlyList<MethodEntry> before = MethodRegistry.All;
        MethodEntry entry = SignAscent.Describe("signascent");
        MethodRegistry.Register(entry);
        Assert.Same(entry, MethodRegistry.Named("signascent"));
        Assert.Equal(MethodRegistry.OfLibrary, MethodRegistry.All.Take(MethodRegistry.OfLibrary.Count));
        Assert.Contains("signascent", MethodRegistry.Names.Skip(MethodRegistry.OfLibrary.Count));
        Assert.DoesNotContain(entry, before);
        Assert.Contains("a method is called 'signascent' already; taken are base, wp, nso",
            Assert.Throws<ArgumentException>(() => MethodRegistry.Register(entry)).Message);
        Assert.Contains("'sam' already", Assert.Throws<ArgumentException>(() => MethodRegistry.Register(SignAscent.Describe("sam"))).Message);

        Assert.Contains("rho of signascent: found -1, allowed: a number >= 0", Refused("signascent", ("rho", "-1")));
        var method = Assert.IsType<SignAscent>(entry.Create(new MethodSetup { Steps = 10 }, new Dictionary<string,
            object>
        { ["rho"] = 0.25, ["sigma-schedule"] = "linear" }));
        Assert.Equal((0.25, 0.005), (method.Rho, method.Sigma.At(5)));
        Assert.Equal(new SignAscent(0.002), entry.Create() as SignAscent);

        using var scope = NewDisposeScope();
        TorchSharp.Modules.Parameter w = new(tensor(new[] { 1.0, -2 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), method);
        // The gradient of w^2 at w + 0.25 sign(w).
        Assert.Equal(2, optimizer.Step(() => w.pow(2).sum()).GradientEvaluations);
        Assert.Equal([1 - (0.2 * 1.25), -2 + (0.2 * 2.25)], w.data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-15);
    }

    [Fact]
    public void Methods_are_registered_from_many_threads_at_once()
    {
        string[] names = [.. Enumerable.Range(0, 40).Select(i => $"parallel{i / 2}")];
        int refused = 0;
        Parallel.ForEach(names, name =>
        {
            try
            {
                MethodRegistry.Register(SignAscent.Describe(name));
            }
            catch (ArgumentException)
            {
                Interlocked.Increment(ref refused);
            }
        });
        Assert.Equal(20, refused);
        Assert.Equal(names.Distinct().Order(StringComparer.Ordinal),
            MethodRegistry.Names.Where(name => name.StartsWith("parallel", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(""), InlineData("Sign"), InlineData("sign-ascent"), InlineData("sign ascent"), InlineData("sign+rho=1"), InlineData("a,b"), InlineData("2sam"),
        InlineData("sam\n")]
    public void A_name_that_is_no_lower_case_word_is_refused(string name) =>
        Assert.Contains("a name is a lower-case word of letters and digits", Assert.Throws<ArgumentException>(() => SignAscent.Describe(name)).Message);

    [Fact]
    public void What_an_entry_says_must_hold_together()
    {
        static MethodEntry Entry(Func<MethodArguments, IGradientMethod> create, params IReadOnlyList<MethodOption> options) =>
            new("entry", "an entry", create, options) { Passes = "2", PassesPerStep = 2, ExtraParameterBuffers = 1, Source = "" };
        Assert.Contains("two options of the name rho",
            Assert.Throws<ArgumentException>(() => Entry(_ => new Plain(), StandardOptions.Rho(1), StandardOptions.Rho(2))).Message);
        Assert.Contains("has made a method of the name base", Assert.Throws<InvalidOperationException>(() => Entry(_ => new Plain()).Create()).Message);
        Assert.Contains("no option sigma; it has rho, micro-perturb, method-start",
            Assert.Throws<ArgumentException>(() => Entry(a => new SignAscent(a.Number("sigma")), StandardOptions.Rho(1)).Create()).Message);
    }

    private static string Refused(string method, params (string Option, string Value)[] options) => Assert.Throws<ArgumentException>(() =>
        MethodRegistry.Named(method).Create(options: options.ToDictionary(o => o.Option, o => (object)o.Value))).Message;

    // A shape is made anew and compares by reference inside; the default one is known to be plain.
    private static IGradientMethod WithoutRun(IGradientMethod method) => method switch
    {
        // Over a run the budget falls in its last part.
        LossEquatedSharpnessAware lesam => lesam with { LossBudget = lesam.LossBudget.At(0) },
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
            gradients += optimizer.Step(4, range => model.call(x[range]), (z, _) => z.pow(2).mean()).GradientEvaluations;
        return (gradients, Tensor.TotalCount - before);
    }

    private sealed record SignAscent(double Rho) : IGradientMethod
    {
        public string Name { get; init; } = "signascent";

        public Sigma Sigma { get; init; } = 0.01;

        public int GradientEvaluations => 2;

        public static MethodEntry Describe(string name) => new(
            name, "SAM in the largest-element norm", a => new SignAscent(a.Number("rho")) { Name = name, Sigma = StandardOptions.SigmaOf(a) },
            StandardOptions.Rho(0.002), StandardOptions.Sigma(0.01), StandardOptions.Schedule)
        {
            Passes = "2",
            PassesPerStep = 2,
            ExtraParameterBuffers = 1,
            Source = "",
        };

        public void Validate() => ArgumentOutOfRangeException.ThrowIfNegative(Rho);

        public void ComputeGradient(MethodContext context)
        {
            context.Run(Probe.Centre());
            foreach (Tensor block in context.Gradient.Blocks)
                block.sign_();
            context.Run(Probe.Along(context.Gradient, Rho));
        }
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
