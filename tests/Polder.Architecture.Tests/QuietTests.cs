using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Polder.Architecture.Tests;

/// <summary>Below the program nobody writes to the console, and nothing is random without a seed.</summary>
public class QuietTests
{
    private static readonly string[] RandomWords = ["rand", "normal", "uniform", "bernoulli", "multinomial", "poisson", "exponential", "cauchy", "geometric"];

    [Theory]
    [InlineData("Polder")]
    [InlineData("Polder.Checkpoints")]
    [InlineData("Polder.Vision")]
    [InlineData("Polder.Experiments")]
    [InlineData("Polder.Onnx")]
    [InlineData("Polder.Mpi")]
    public void A_library_is_silent_and_its_random_numbers_have_a_seed(string project)
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(House.Load(project).Location);
        var calls = from type in module.GetTypes()
                    from method in type.Methods
                    where method.HasBody
                    from instruction in method.Body.Instructions
                    where instruction.Operand is MethodReference
                    select (Caller: $"{type.FullName}.{method.Name}", Instruction: instruction, Called: (MethodReference)instruction.Operand);
        Assert.NotEmpty(calls);
        Assert.Empty(calls.Where(c => WritesToConsole(c.Called) || IsUnseeded(c.Called, c.Instruction)).Select(c => $"{c.Caller} calls {c.Called.FullName}"));
    }

    [Fact]
    public void The_test_sees_a_call_without_a_generator()
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(typeof(QuietTests).Assembly.Location);
        MethodDefinition[] methods = [.. module.GetTypes().Single(t => t.Name == nameof(Draws)).Methods.Where(m => !m.IsConstructor).OrderBy(m => m.Name)];
        Assert.Equal(["Seeded: False", "Unseeded: True", "WithoutParameter: True"],
            methods.Select(m => $"{m.Name}: {m.Body.Instructions.Any(i => i.Operand is MethodReference called && IsUnseeded(called, i))}"));
    }

    private static bool WritesToConsole(MethodReference called) =>
        called.DeclaringType.FullName is "System.Console" or "System.Diagnostics.Debug" or "System.Diagnostics.Trace";

    private static bool IsUnseeded(MethodReference called, Instruction call)
    {
        if (called.DeclaringType.FullName is "System.Random")
            return called.Name == "get_Shared" || (called.Name == ".ctor" && called.Parameters.Count == 0);
        if (!called.DeclaringType.FullName.StartsWith("TorchSharp.", StringComparison.Ordinal)
            || !RandomWords.Any(w => called.Name.StartsWith(w, StringComparison.Ordinal)))
            return false;
        int generator = called.Parameters.Select(p => p.ParameterType.FullName).ToList().FindIndex(t => t == "TorchSharp.torch/Generator");
        // What is left out is null. After the generator come names at most, each one instruction.
        Instruction argument = call.Previous;
        for (int after = called.Parameters.Count - 1 - generator; generator >= 0 && after > 0; after--)
            argument = argument.Previous;
        return generator < 0 || argument.OpCode == OpCodes.Ldnull;
    }

    private static class Draws
    {
        public static TorchSharp.torch.Tensor Seeded(TorchSharp.torch.Generator generator) => TorchSharp.torch.randn([2L, 3L], generator: generator);

        public static TorchSharp.torch.Tensor Unseeded() => TorchSharp.torch.randn([2L, 3L]);

        public static TorchSharp.torch.Tensor WithoutParameter(TorchSharp.torch.Tensor tensor) => tensor.rand_like();
    }
}
