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
    [InlineData(80, "nso: 50 %, epoch 1 of 2, loss 0.512, 90 images/s, 0:08 left")]
    [InlineData(58, "nso: 50 %, epoch 1 of 2, loss 0.512, 0:08 left")]
    [InlineData(40, "nso: 50 %, epoch 1 of 2, 0:08 left")]
    [InlineData(30, "nso: 50 %, 0:08 left")]
    [InlineData(5, "nso: 50 %, 0:08 left")]
    public void A_line_leaves_its_last_words_out_where_the_terminal_is_narrow(int width, string line) =>
        Assert.Equal(line, PlainProgress.Line("nso", 1, 2, "epoch 1 of 2, loss 0.512, 90 images/s", TimeSpan.FromSeconds(8), width));

    [Theory]
    [InlineData(0, "0:00")]
    [InlineData(59.2, "1:00")]
    [InlineData(3723, "1:02:03")]
    public void Durations_read_as_a_clock(double seconds, string text) =>
        Assert.Equal(text, PlainProgress.Duration(TimeSpan.FromSeconds(seconds)));
}
