// The least of MSBuild's types that build/RedirectGlibcxxSymbol.cs needs, so that it compiles into the tests as it is.
using Microsoft.Build.Framework;

#pragma warning disable CA1040, CA1822, IDE0060
namespace Microsoft.Build.Framework
{
    public enum MessageImportance
    {
        Normal,
    }

    public interface ITaskItem
    {
        string ItemSpec { get; }

        System.Collections.IDictionary CloneCustomMetadata();
    }

    [AttributeUsage(AttributeTargets.Property)]
    public sealed class RequiredAttribute : Attribute;

    [AttributeUsage(AttributeTargets.Property)]
    public sealed class OutputAttribute : Attribute;
}

namespace Microsoft.Build.Utilities
{
    public sealed class TaskItem(string itemSpec, System.Collections.IDictionary? metadata = null) : ITaskItem
    {
        public string ItemSpec => itemSpec;

        public System.Collections.IDictionary CloneCustomMetadata() => metadata ?? new Dictionary<string, string>();
    }

    public sealed class TaskLog
    {
        public bool HasLoggedErrors { get; private set; }

        public void LogMessage(MessageImportance importance, string message, params object[] arguments)
        {
        }

        public void LogError(string message, params object[] arguments) => HasLoggedErrors = true;
    }

    public abstract class Task
    {
        public TaskLog Log { get; } = new();

        public abstract bool Execute();
    }
}
