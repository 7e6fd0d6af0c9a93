using Polder.Cli.Hosting;
using Polder.Cli.Output;
using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Probes;
using Spectre.Console.Testing;

namespace Polder.Cli.Tests;

/// <summary>A method that a program registers before it makes its commands is listed, and has its options, as the library's are.</summary>
[Collection(nameof(ChangesTheProcess))]
public class RegisteredMethodTests
{
    static RegisteredMethodTests() => MethodRegistry.Register(new MethodEntry(
        "own", "a method of one's own", a => new Own(a.Number("rho"), a.Word("pairs")),
        StandardOptions.Rho(0.25),
        MethodOption.Word("pairs", "a word where nso has a number", "few", "few", "many"), // a name of the library's with another kind of value
        MethodOption.Count("own-count", "an option that no other method has", 3))
    {
        Passes = "1",
        PassesPerStep = 1,
        ExtraParameterBuffers = 0,
        Source = "",
        TuningGrid = [0.1, 0.2],
    });

    [Fact]
    public void It_is_listed_with_its_options()
    {
        string text = Run("methods");
        Assert.Contains("own: a method of one's own", text);
        Assert.Contains("--pairs NAME: a word where nso has a number (few, many; default: few)", text);
    }

    [Theory]
    [InlineData("finetune"), InlineData("compare"), InlineData("tune")]
    public void Its_options_are_options_of_the_training_commands(string command)
    {
        string help = System.Text.RegularExpressions.Regex.Replace(Run(command, "--help"), @"\s+", " ");
        Assert.Contains("--own-count N", help);
        Assert.Contains("own: few, many", help);
        Assert.Contains("own 0.25", help);
    }

    [Theory]
    [InlineData("own", "2", "few, many with own"), InlineData("nso", "many", "a whole number >= 1 with nso")]
    public void A_shared_name_has_the_range_of_the_method_that_is_chosen(string method, string pairs, string words) =>
        Assert.Contains(words, Run("compare", "--methods", $"base,{method}", "--pairs", pairs));

    private static string Run(params string[] arguments)
    {
        using TestConsole results = new TestConsole().Width(400), messages = new TestConsole().Width(400);
        new CommandHost(new Consoles(results, messages, Live: false), CommandList.All).Run(arguments, default);
        return results.Output + messages.Output;
    }

    private sealed record Own(double Rho, string Pairs) : IGradientMethod
    {
        public string Name => "own";

        public int GradientEvaluations => 1;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context) => context.Run(Probe.Centre());
    }
}

/// <summary>Tests that change what all others see: xunit runs collections that forbid parallel runs after all the others.</summary>
[CollectionDefinition(nameof(ChangesTheProcess), DisableParallelization = true)]
public class ChangesTheProcess;
