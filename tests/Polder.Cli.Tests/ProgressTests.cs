using Polder.Cli.Output;

namespace Polder.Cli.Tests;

public class ProgressTests
{
    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }

    [Fact]
    public void Plain_progress_is_a_line_every_few_seconds()
    {
        var clock = new Clock();
        var lines = new List<string>();
        var progress = new PlainProgress(lines.Add, clock, "sense", 20);
        for (int i = 1; i <= 12; i++)
        {
            clock.Seconds = i;
            progress.Report(i, () => $"loss {i}");
        }
        Assert.Equal(["sense: 25 %, loss 5, 0:15 left", "sense: 50 %, loss 10, 0:10 left"], lines);
    }

    [Theory]
    [InlineData(0, "0:00")]
    [InlineData(59.2, "1:00")]
    [InlineData(3723, "1:02:03")]
    public void Durations_read_as_a_clock(double seconds, string text) =>
        Assert.Equal(text, PlainProgress.Duration(TimeSpan.FromSeconds(seconds)));
}
