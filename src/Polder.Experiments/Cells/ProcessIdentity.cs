using System.Globalization;
using System.Text.Json.Serialization;

namespace Polder.Experiments.Cells;

/// <summary>Which process it is, so that another one can tell whether it still runs.</summary>
/// <param name="Machine">
/// The running system, its numbering of processes and the user: boot id and pid namespace, so that two containers that both have a process 1 are not
/// mixed up; the user, since those of others may be hidden. Empty where that is not known, and then nothing can be told.
/// </param>
/// <param name="Pid">Its number.</param>
/// <param name="Started">When it started, in the system's ticks: a number that was given again later is another process.</param>
internal sealed record ProcessIdentity(string Machine, int Pid, string Started)
{
    // The state and the start are the first and the twentieth word after the name, which is in parentheses and may hold anything (man 5 proc).
    private const int StateWord = 0, StartWord = 19;

    /// <summary>This process.</summary>
    public static ProcessIdentity Current { get; } = WordsOf(Environment.ProcessId) is { } words
        ? new(MachineOf(), Environment.ProcessId, words[StartWord]) : new("", Environment.ProcessId, "");

    /// <summary>Whether the process certainly runs no longer; false where it runs on another machine, or cannot be asked for.</summary>
    [JsonIgnore]
    public bool IsDead => Machine.Length > 0 && Machine == Current.Machine
        && (!Directory.Exists(FolderOf(Pid)) || (WordsOf(Pid) is { } words && (words[StateWord] is "Z" or "X" || words[StartWord] != Started)));

    private static string MachineOf()
    {
        try
        {
            return OperatingSystem.IsLinux() && new FileInfo("/proc/self/ns/pid").LinkTarget is { } space
                ? $"{File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()} {space} {Environment.UserName}" : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string[]? WordsOf(int pid)
    {
        try
        {
            string text = File.ReadAllText(Path.Combine(FolderOf(pid), "stat"));
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string FolderOf(int pid) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
}
