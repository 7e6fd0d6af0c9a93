using System.Diagnostics;
using Spectre.Console;

namespace Polder.Cli.Output;

/// <summary>A line on the terminal that redraws itself: title, bar, percentage, remaining time, detail.</summary>
internal sealed class LiveProgress : IProgressTracker
{
    /// <summary>Milliseconds between two updates: more often than the eye follows would only cost time.</summary>
    private const int Interval = 100;

    private readonly Lock _lock = new();
    private readonly ProgressTask _task;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly double _total;
    private string _title;
    private string _detail = "";
    private long _next;

    private LiveProgress(ProgressTask task, string title, double total)
    {
        (_task, _title, _total) = (task, title, total);
        Show(0);
    }

    public static T Run<T>(IAnsiConsole console, string title, double total, Func<IProgressTracker, T> work)
    {
        // A narrow terminal has no room for a bar beside the words.
        int width = console.Profile.Width;
        ProgressColumn[] columns = width < 60
            ? [new TaskDescriptionColumn { Alignment = Justify.Left }]
            : [new ProgressBarColumn { Width = Math.Clamp(width / 5, 8, 40) }, new TaskDescriptionColumn { Alignment = Justify.Left }];
        return console.Progress().AutoClear(true).HideCompleted(false).Columns(columns).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(title), autoStart: true, maxValue: Math.Max(total, 1e-9));
            return work(new LiveProgress(task, title, total));
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
        _task.Description = Markup.Escape(PlainProgress.Line(_title, done, _total, _detail, _clock.Elapsed));
        _task.Value = Math.Clamp(done, 0, _task.MaxValue);
    }
}
