using System.Text.Json.Nodes;

namespace Polder.Experiments.Study;

/// <summary>What a plan asks, as its file says it.</summary>
internal static class PlanQuestions
{
    /// <summary>Reads a question.</summary>
    /// <param name="question">Its object.</param>
    /// <param name="methods">The names of the plan's methods.</param>
    /// <param name="tasks">The names of its tasks.</param>
    /// <exception cref="DataException">It says something that is not allowed.</exception>
    public static StudyQuestion Question(PlanObject question, IReadOnlyList<string> methods, IReadOnlyList<string> tasks)
    {
        string method = Known(question, "method", question.Text("method"), "method", methods);
        IReadOnlyList<string> others = Names(question, "with", "method", methods) ?? throw question.Wrong("with", null, Allowed("method", methods));
        if (others.Contains(method))
            throw question.Wrong("with", method, "other methods than the question's own");
        IReadOnlyList<string>? on = Names(question, "tasks", "task", tasks);
        var made = new StudyQuestion(method, others)
        {
            // Tables show several questions of one method below each other: one of some tasks needs a name.
            Name = on is null ? question.OptionalText("name") ?? "" : question.Text("name"),
            Tasks = on,
            Margin = (double?)question.Value("equivalenceMargin", ValueKind.Number(ValueRange.Above(0))),
        };
        question.RequireNoRest("name, method, with, tasks, equivalenceMargin");
        return made;
    }

    /// <summary>Reads a contrast.</summary>
    /// <param name="contrast">Its object.</param>
    /// <param name="methods">The names of the plan's methods.</param>
    /// <exception cref="DataException">It says something that is not allowed.</exception>
    public static StudyContrast Contrast(PlanObject contrast, IReadOnlyList<string> methods)
    {
        string name = contrast.Text("name");
        PlanObject weights = contrast.Object("weights") ?? throw contrast.Wrong("weights", null, "an object of methods and their weights");
        (string, double)[] all = [.. weights.Rest.Select(w => w.Key).ToArray().Select(entry =>
        {
            string known = methods.Contains(entry) ? entry : throw weights.Wrong(entry, null, One("method", methods));
            return (known, (double?)weights.Value(known, ValueKind.Number(ValueRange.Any)) ?? throw weights.Wrong(known, null, "a number"));
        })];
        contrast.RequireNoRest("name, weights");
        return all.Length >= 2 ? new StudyContrast(name, all) : throw contrast.Wrong("weights", null, "two methods or more");
    }

    // Null where the member is not there.
    private static IReadOnlyList<string>? Names(PlanObject question, string member, string what, IReadOnlyList<string> names) => question.Node(member) switch
    {
        null => null,
        JsonArray { Count: > 0 } array =>
            [.. array.Select(item => Known(question, member, item, what, names)).Distinct()],
        var other => throw question.Wrong(member, other, Allowed(what, names)),
    };

    private static string Known(PlanObject plan, string member, JsonNode? found, string what, IReadOnlyList<string> names) =>
        found is JsonValue value && value.TryGetValue(out string? text) && names.Contains(text) ? text
            : throw plan.Wrong(member, found, One(what, names));

    private static string One(string what, IReadOnlyList<string> names) => $"a {what} of the plan: {string.Join(", ", names)}";

    private static string Allowed(string what, IReadOnlyList<string> names) => $"names of {what}s of the plan: {string.Join(", ", names)}";
}
