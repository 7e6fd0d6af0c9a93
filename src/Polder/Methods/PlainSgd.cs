namespace Polder.Methods;

/// <summary>The base optimizer of a method that makes its own update.</summary>
internal static class PlainSgd
{
    /// <summary>Refuses any other than SGD without momentum and weight decay.</summary>
    /// <param name="base">The base optimizer.</param>
    /// <param name="method">The method's name.</param>
    /// <exception cref="ArgumentException">It is another, or has momentum or weight decay.</exception>
    public static void Require(OptimizerHelper @base, string method)
    {
        ArgumentNullException.ThrowIfNull(@base);
        bool plain = @base is SGD && @base.ParamGroups.All(g =>
            g is SGD.ParamGroup { Options: var options } && (options.momentum ?? 0) == 0 && (options.weight_decay ?? 0) == 0);
        if (!plain)
            throw new ArgumentException($"{method} makes its own update: its base optimizer must be SGD without momentum and weight decay", nameof(@base));
    }
}
