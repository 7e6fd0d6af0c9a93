using ArchUnitNET.Loader;
using Assembly = System.Reflection.Assembly;

namespace Polder.Architecture.Tests;

/// <summary>The assemblies of src/, read once: who knows whom.</summary>
internal static class House
{
    /// <summary>The libraries, and above them the program.</summary>
    public static readonly string[] Libraries = ["Polder", "Polder.Checkpoints", "Polder.Vision", "Polder.Experiments", "Polder.Onnx", "Polder.Mpi"];

    public const string Program = "Polder.Cli";

    private static readonly Lazy<IReadOnlyList<Knowledge>> Read = new(ReadAll);

    /// <summary>Every type that knows a type of another namespace of the same assembly.</summary>
    public static IReadOnlyList<Knowledge> Inside => Read.Value;

    public static Assembly Load(string name) => Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, name + ".dll"));

    private static IReadOnlyList<Knowledge> ReadAll()
    {
        ArchUnitNET.Domain.Architecture all = new ArchLoader().LoadAssemblies([.. Libraries.Append(Program).Select(Load)]).Build();
        var known =
            from type in all.Types
            where type.Namespace is not null
            from dependency in type.Dependencies
            let target = dependency.Target
            // A type parameter lies in the namespace of whoever named one so first.
            where target is not ArchUnitNET.Domain.GenericParameter && target.Namespace is not null && target.Assembly.Equals(type.Assembly)
                && target.Namespace.FullName != type.Namespace.FullName
            select new Knowledge(type.Assembly.Name.Split(',')[0], type.Namespace.FullName, target.Namespace.FullName, $"{type.Name} knows {target.Name}");
        return [.. known.Distinct()];
    }
}

/// <summary>A type knows another.</summary>
/// <param name="Project">The assembly of both.</param>
/// <param name="From">The namespace of the one that knows.</param>
/// <param name="To">The namespace of the one that is known.</param>
/// <param name="Example">Both, for people.</param>
internal sealed record Knowledge(string Project, string From, string To, string Example);
