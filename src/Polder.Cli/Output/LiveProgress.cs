using System.Diagnostics;
using Spectre.Console;

namespace Polder.Cli.Output;

/// <summary>A line on the terminal that redraws itself: title, bar, percentage, remaining time, detail.</summary>
internal sealed class LiveProgress : IProgressTracker
{
    /// <summary>Milliseconds between two updates: more often than the eye follows would only cost time.</summary>
    private const int Interval = 100;

    /// <summary>Letters: a narrower terminal has no room for a bar, and what lies between the bar and the words and at the end.</summary>
    private const int LeastForBar = 60, Gap = 3;

    private readonly Lock _lock = new();
    private readonly ProgressTask _task;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly double _total;
    private readonly int _width;
    private string _title;
    private string _detail = "";
    private long _next;

    private LiveProgress(ProgressTask task, string title, double total, int width)
    {
        (_task, _title, _total, _width) = (task, title, total, width);
        Show(0);
    }

    public static T Run<T>(IAnsiConsole console, string title, double total, Func<IProgressTracker, T> work)
    {
        int width = console.Profile.Width, bar = width < LeastForBar ? 0 : Math.Clamp(width / 5, 8, 40);
        TaskDescriptionColumn words = new() { Alignment = Justify.Left };
        ProgressColumn[] columns = bar == 0 ? [words] : [new ProgressBarColumn { Width = bar }, words];
        return console.Progress().AutoClear(true).HideCompleted(false).Columns(columns).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(title), autoStart: true, maxValue: Math.Max(total, 1e-9));
            return work(new LiveProgress(task, title, total, width - bar - Gap));
        });
    }

    public void Describe(string title)
    {
        lock (_lock)
        {
            _title = title;
            _next = 0;
        }
    }

    public void Report(double done, Func<string>? detail = null)
    {
        lock (_lock)
        {
            if (_clock.ElapsedMilliseconds < _next)
                return;
            _next = _clock.ElapsedMilliseconds + Interval;
            _detail = detail?.Invoke() ?? "";
            Show(done);
        }
    }

    private void Show(double done)
    {
        _task.Description = Markup.Escape(PlainProgress.Line(_title, done, _total, _detail, _clock.Elapsed, _width));
        _task.Value = Math.Clamp(done, 0, _task.MaxValue);
    }
}
