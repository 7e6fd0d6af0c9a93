using System.Reflection;

namespace Polder.Cli.Output;

/// <summary>The version of the program.</summary>
internal static class ProgramVersion
{
    /// <summary>For example 0.1.0, without the commit that the build appends after a plus sign.</summary>
    public static string Text { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
