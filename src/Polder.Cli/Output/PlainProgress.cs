using System.Globalization;

namespace Polder.Cli.Output;

/// <summary>One plain line every few seconds, for logs and terminals that cannot redraw.</summary>
internal sealed class PlainProgress : IProgressTracker
{
    /// <summary>Seconds between two lines.</summary>
    public const double Interval = 5;

    private readonly Lock _lock = new();
    private readonly Action<string> _write;
    private readonly TimeProvider _time;
    private readonly double _total;
    private readonly long _start;
    private string _title;
    private long _last;

    public PlainProgress(Action<string> write, TimeProvider time, string title, double total)
    {
        (_write, _time, _title, _total) = (write, time, title, total);
        _start = _last = time.GetTimestamp();
    }

    public void Describe(string title)
    {
        lock (_lock)
            _title = title;
    }

    public void Report(double done, Func<string>? detail = null)
    {
        lock (_lock)
        {
            if (_time.GetElapsedTime(_last).TotalSeconds < Interval)
                return;
            _last = _time.GetTimestamp();
            _write(Line(_title, done, _total, detail?.Invoke(), _time.GetElapsedTime(_start)));
        }
    }

    /// <summary>For example "sense: 40 %, validation 0.002, 0:12 left".</summary>
    internal static string Line(string title, double done, double total, string? detail, TimeSpan elapsed)
    {
        double fraction = total > 0 ? Math.Clamp(done / total, 0, 1) : 0;
        string percent = (100 * fraction).ToString("0", CultureInfo.InvariantCulture);
        string left = fraction > 0 ? $", {Duration(elapsed * ((1 - fraction) / fraction))} left" : "";
        return $"{title}: {percent} %{(string.IsNullOrEmpty(detail) ? "" : ", " + detail)}{left}";
    }

    /// <summary>The same in at most <paramref name="width"/> letters, as far as leaving the last words of the detail out gets it there.</summary>
    internal static string Line(string title, double done, double total, string? detail, TimeSpan elapsed, int width)
    {
        string line = Line(title, done, total, detail, elapsed);
        while (line.Length > width && !string.IsNullOrEmpty(detail))
        {
            detail = detail[..Math.Max(0, detail.LastIndexOf(", ", StringComparison.Ordinal))];
            line = Line(title, done, total, detail, elapsed);
        }
        return line;
    }

    /// <summary>1:02:03 or 2:03.</summary>
    internal static string Duration(TimeSpan time)
    {
        time = TimeSpan.FromSeconds(Math.Ceiling(Math.Min(time.TotalSeconds, 1e8)));
        return time.TotalHours >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}")
            : string.Create(CultureInfo.InvariantCulture, $"{time.Minutes}:{time.Seconds:00}");
    }
}
