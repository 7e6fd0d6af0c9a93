namespace Polder;

/// <summary>Passes a report on, on the thread that makes it (unlike <see cref="Progress{T}"/>).</summary>
/// <param name="report">What takes it.</param>
public sealed class Relay<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}
