namespace Polder.Architecture.Tests;

/// <summary>
/// The directions between the rooms (namespaces) of each project, as docs/architecture.md has them. A room knows those before it in its line, and
/// none after it, so there are no circles. A room's inner rooms (Curvature.Operators) belong to it unless they have a place of their own; what lies
/// in the project's own namespace is shared by all its rooms (exceptions, options) or puts them together.
/// </summary>
public class RoomTests
{
    // The one table: the rooms of each project, the lowest first.
    private static readonly Dictionary<string, string[]> Order = new()
    {
        ["Polder"] =
        [
            "Machine", "Settings", "Statistics", "Noise", "Ranks", "Parameters", "Objectives", "Probes", "Methods", "Optimization", "Averaging",
            "Regularization",
            "Curvature",
            "Flatness", "Generalization",
        ],
        ["Polder.Checkpoints"] = ["IO", "Pickles", "Onnx", "Formats"],
        ["Polder.Vision"] = ["Data.Distortions", "Data", "Data.Layouts", "Models", "Models.Weights", "Training.Metrics", "Training", "Classifiers", "Recipes"],
        ["Polder.Experiments"] = ["Cells", "Sensing", "Theory", "Measurement", "Comparison", "Study", "Reports", "Pages"],
        ["Polder.Onnx"] = ["Evaluation", "Importing", "Exporting"],
        ["Polder.Mpi"] = ["Bindings"],
        ["Polder.Cli"] = ["Options", "Output", "Hosting", "Training", "Measuring", "Files"],
    };

    [Theory]
    [InlineData("Polder")]
    [InlineData("Polder.Checkpoints")]
    [InlineData("Polder.Vision")]
    [InlineData("Polder.Experiments")]
    [InlineData("Polder.Onnx")]
    [InlineData("Polder.Mpi")]
    [InlineData("Polder.Cli")]
    public void A_room_knows_only_the_rooms_below_it(string project)
    {
        string[] order = Order[project];
        var upward = House.Inside.Where(k => k.Project == project)
            .Select(k => (From: RoomOf(project, k.From), To: RoomOf(project, k.To), k.Example))
            .Where(k => k.From.Length > 0 && Array.IndexOf(order, k.From) < Array.IndexOf(order, k.To))
            .GroupBy(k => $"{project}: {k.From} -> {k.To}", k => k.Example)
            .ToDictionary(g => g.Key, g => string.Join(", ", g.Order(StringComparer.Ordinal).Take(4)));
        Assert.True(upward.Count == 0, $"upward:\n{string.Join('\n', upward.Select(pair => $"{pair.Key} ({pair.Value})"))}");
    }

    [Fact]
    public void Every_room_has_its_place()
    {
        Assert.Equal([.. House.Libraries, House.Program], Order.Keys);
        // A room that is gone leaves no line behind.
        foreach ((string project, string[] order) in Order)
        {
            var rooms = House.Load(project).GetTypes().Select(t => t.Namespace).OfType<string>()
                .Where(n => n.StartsWith(project + ".", StringComparison.Ordinal));
            Assert.Empty(order.Except(rooms.Select(n => RoomOf(project, n))).Select(room => $"{project} has no room {room}"));
        }
    }

    // The longest name of the table that the namespace has or lies in.
    private static string RoomOf(string project, string space)
    {
        string inside = space[project.Length..].TrimStart('.');
        return inside.Length == 0 ? ""
            : Order[project].Where(room => inside == room || inside.StartsWith(room + ".", StringComparison.Ordinal)).MaxBy(room => room.Length)
            ?? throw new InvalidOperationException($"{space} is no room of {project} in {nameof(Order)}: give it its place");
    }
}
