namespace Polder.Cli.Output;

/// <summary>Takes the progress of a long piece of work; may be called from any thread and as often as one likes.</summary>
internal interface IProgressTracker
{
    /// <summary>Changes what the work is called, for example as an epoch begins.</summary>
    void Describe(string title);

    /// <summary>Says how much is done, in the unit of the total.</summary>
    /// <param name="done">Between 0 and the total.</param>
    /// <param name="detail">Makes a few words (loss, accuracy); called only when they will be shown.</param>
    void Report(double done, Func<string>? detail = null);
}

/// <summary>The tracker of <c>--quiet</c>.</summary>
internal sealed class SilentProgress : IProgressTracker
{
    public static SilentProgress Instance { get; } = new();

    public void Describe(string title)
    {
    }

    public void Report(double done, Func<string>? detail = null)
    {
    }
}
