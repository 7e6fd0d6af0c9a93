namespace Polder.Cli.Options;

/// <summary>
/// The input is wrong: exit code 2 and one line. The message names the file, option or field, what was found and what is allowed.
/// </summary>
internal sealed class UserErrorException : Exception
{
    public UserErrorException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>An option's value is not allowed.</summary>
    public static UserErrorException ForOption(string option, string found, string allowed) =>
        new(OptionErrors.Found(option, found, allowed));
}

/// <summary>
/// The user stopped the program: exit code 130. The message says what was kept and, where a resume exists, how to go on. A command
/// that keeps nothing may let an <see cref="OperationCanceledException"/> pass instead.
/// </summary>
internal sealed class StoppedException : OperationCanceledException
{
    public StoppedException(string kept)
        : base(kept)
    {
    }
}
