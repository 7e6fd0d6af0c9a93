using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

public class DoctorTests
{
    [Fact]
    public void Json_is_alone_on_standard_output_and_the_library_loads_in_silence()
    {
        (int code, string output, string error) = PolderProcess.Run("doctor", "--json", "-", "--quiet", "--threads", "1");

        Assert.Equal((0, ""), (code, error));
        JsonObject json = JsonNode.Parse(output)!.AsObject();
        Assert.True((bool)json["nativeLibrary"]!["loaded"]!);
        Assert.Equal(1, (int)json["environment"]!["threads"]!);
        Assert.NotEmpty(json["convolutions"]!.AsArray());
    }

    [Fact]
    public void Wrong_input_is_one_line_on_standard_error()
    {
        (int code, string output, string error) = PolderProcess.Run("doctor", "--threads", "0");
        Assert.Equal((2, "", "polder: --threads: found 0, allowed: a whole number between 1 and 4096\n"), (code, output, error));
    }

    [Fact]
    public void Help_and_version_need_no_command()
    {
        Assert.Contains("doctor", PolderProcess.Run("--help").Output);
        Assert.Matches("^polder [0-9]+\\.[0-9]+\\.[0-9]+\n$", PolderProcess.Run("--version").Output);
    }
}
