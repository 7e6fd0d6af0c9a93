namespace Polder.Mpi;

/// <summary>MPI is not there, does not fit, or says that something failed.</summary>
public sealed class MpiException : InvalidOperationException
{
    /// <summary>Makes the exception with a default message.</summary>
    public MpiException()
        : base("MPI failed")
    {
    }

    /// <summary>Makes the exception.</summary>
    public MpiException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    public MpiException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
