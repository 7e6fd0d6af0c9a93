namespace Polder.Cli.Options;

/// <summary>The headings under which a help page lists options, in its order: what most people need comes first.</summary>
internal enum Heading
{
    Data,
    Network,
    Method,
    Training,
    Augmentation,
    Regularization,
    Measurement,
    Output,

    /// <summary>How a command runs, whatever it is about.</summary>
    Running,
}
