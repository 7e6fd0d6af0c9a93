using Polder.Cli.Files;

namespace Polder.Cli.Tests;

public class ReadableMetadataTests
{
    [Theory]
    [InlineData("[\"Caf\\u00E9\",\"a \\u0022b\\u0022\"]", "[\"Café\",\"a \\\"b\\\"\"]")]
    [InlineData("[\"plain\"]", "[\"plain\"]")]
    [InlineData("[0.485,0.456]", "[0.485,0.456]")]
    [InlineData("[not \\u00E9 json]", "[not \\u00E9 json]")]
    [InlineData("Caf\\u00E9", "Caf\\u00E9")]
    public void Names_in_metadata_are_shown_as_they_are_written(string stored, string shown) => Assert.Equal(shown, InspectCommand.Readable(stored));
}
