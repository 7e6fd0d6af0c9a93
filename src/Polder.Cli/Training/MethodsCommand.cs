namespace Polder.Cli.Training;

/// <summary><c>polder methods</c>: what there is, what it costs, and what it can be told.</summary>
internal sealed class MethodsCommand : PolderCommand
{
    public MethodsCommand()
        : base("methods", "list the methods with their options, cost and source")
    {
        ShowsTables = false;
        Examples = ["polder methods", "polder methods --json -"];
    }

    protected internal override void Run(CommandContext context)
    {
        context.Finish(new Result(new
        {
            Methods = MethodRegistry.All.Select(method => new
            {
                method.Name,
                method.Summary,
                Options = method.Options.Select(option => new { option.Name, option.Default, option.Range, option.Summary }),
                method.PassesPerStep,
                method.Passes,
                method.ExtraParameterBuffers,
                method.Source,
                method.IsExperimental,
            }),
        })
        { Blocks = [.. MethodRegistry.All.SelectMany(Lines), "every method but base:", .. StandardOptions.General.Select(Line)] });
    }

    private static ResultBlock Line(MethodOption option) =>
        $"  --{option.Name} {option.Placeholder}: {option.Summary} ({option.Range}; default: {MethodOption.Text(option.Default)})";

    private static IEnumerable<ResultBlock> Lines(MethodEntry method)
    {
        yield return $"{method.Name}: {method.Summary}{(method.Source.Length > 0 ? $" ({method.Source})" : "")}";
        if (method.IsExperimental)
            yield return "  experimental: chosen by its name only, and may change";
        yield return $"  gradients a step: {method.Passes}; extra buffers as large as the parameters: {method.ExtraParameterBuffers}";
        if (method.DemandsPlainSgd)
            yield return "  base optimizer: sgd alone, since it makes its own update";
        foreach (MethodOption option in method.OwnOptions)
            yield return Line(option);
    }
}
