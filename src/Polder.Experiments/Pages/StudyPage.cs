using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of a study, made from its run folder, finished or not: what the questions found, every table, and what was tried.</summary>
internal static class StudyPage
{
    private const double Level = 0.05;

    /// <summary>Makes the page.</summary>
    /// <param name="run">The run folder.</param>
    /// <exception cref="DataException">The folder has no plan, or a file of it is damaged.</exception>
    public static Page Of(RunFolder run)
    {
        if (run.Configuration.Plan is not { } plan)
            throw new DataException(run.ConfigurationFile, "has no plan of a study");
        StudyDesign design = StudyDesignFile.Parse(plan, run.ConfigurationFile);
        using var execution = new StudyExecution(design, Directory.Exists(run.Cells) ? new CellFolder(run.Cells) : null);
        StudyResult study = execution.Read();
        JsonObject result = File.Exists(run.Result) ? ResultFile.Read(run.Result) : new JsonObject { ["study"] = design.Name };
        StudyDifference[] answers = Answers(study, study.Groups);
        Result report = StudyReport.Of(study);
        var sections = new List<PageSection>();
        if (answers.Length > 0)
            sections.Add(new PageSection(
                "The questions", [.. answers.GroupBy(Label).Chunk(2).Select(pair => new PageColumns([.. pair.Select(Chart)]))]));
        sections.AddRange(Tables(report));
        sections.Add(new PageSection("The plan", new PageCode("plan.json", ResultJson.Text(plan)) { Folded = "Show the plan" }));
        sections.Add(RepeatPart.Of(result));
        return new Page("study", design.Name, Lead(study, answers, Answers(study, study.PerTask)), sections)
        {
            Figures =
            [
                .. study.Design.Entries.Select(e => (e.Name, Mean: MeanOf(study, e.Name))).Where(m => m.Mean is not null).OrderByDescending(m => m.Mean).Take(6)
                    .Select(m => new PageFigure(m.Name, Words.Percent(m.Mean!.Value), $"mean of {Words.Of(design.Tasks.Count, "task")}")),
            ],
            Warnings = [.. report.Blocks.OfType<ResultNote>().Where(n => n.IsWarning).Select(n => n.Text)],
            Data = result,
            Footer = RepeatPart.Footer(run.Configuration.Version ?? "", run.Path),
        };
    }

    /// <summary>What was found, in a sentence or two; then the same of the settings that are best on each task, which may say something else.</summary>
    public static string Lead(StudyResult study, IReadOnlyList<StudyDifference> answers, IReadOnlyList<StudyDifference> perTask)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(answers);
        ArgumentNullException.ThrowIfNull(perTask);
        if (study.Groups.All(g => g.Runs.Count == 0))
            return study.Design.Tuning is null ? "No run is finished." : $"The settings are still being chosen: {Words.Of(study.Finished, "run")} done.";
        if (answers.Count == 0)
            return "The plan asks no question of which both methods have runs.";
        string lead = Sentences(answers);
        return perTask.Count == 0 ? lead : $"{lead} Where each task has its own setting, {Sentences(perTask)}";

        static string Sentences(IReadOnlyList<StudyDifference> differences) => string.Join(" ", differences.GroupBy(Label).Select(Sentence));

        static string Sentence(IGrouping<string, StudyDifference> question)
        {
            StudyDifference[] found = [.. question.Where(a => a.PHolm < Level)];
            StudyDifference[] equal = [.. question.Except(found).Where(a => a.Equivalence is { IsEquivalent: true })];
            StudyDifference[] open = [.. question.Except(found).Except(equal)];
            string[] parts =
            [
                .. found.Select(a => $"{Points(a)} {(a.Test!.Mean < 0 ? "below" : "above")} {a.Other} (corrected p {Words.Probability(a.PHolm!.Value)})"),
                .. equal.Select(a => Invariant($"equivalent to {a.Other} within {100 * a.Equivalence!.Margin:G3} points ({Signed(a)})")),
                .. open.Length == 0 ? (string[])[] : [$"no reliable difference to {string.Join(", ", open.Select(a => $"{a.Other} ({Signed(a)})"))}"],
            ];
            return $"{question.Key}: {string.Join("; ", parts)}.";
        }
    }

    // Questions of one method that have no name are one.
    private static string Label(StudyDifference answer) => answer.Question.Length > 0 ? $"{answer.Question}, {answer.Entry}" : answer.Entry;

    private static StudyDifference[] Answers(StudyResult study, IReadOnlyList<StudyGroup> groups) =>
        [.. study.Design.Questions.SelectMany(q => StudyAnswer.Of(q, study, groups, run => run.TestAccuracy)).Where(d => d.Test is not null)];

    // A note that ends in a colon is the caption of the table after it; another one belongs to the table before it.
    private static List<PageSection> Tables(Result report)
    {
        var sections = new List<PageSection>();
        string caption = "";
        foreach (ResultBlock block in report.Blocks)
        {
            switch (block)
            {
                case ResultNote { IsWarning: false, Text: [.. var text, ':'] }:
                    caption = text + ".";
                    break;
                case ResultNote { IsWarning: false } note when sections.Count > 0:
                    sections[^1] = sections[^1] with { Blocks = [.. sections[^1].Blocks, note.Text] };
                    break;
                case ResultTable table:
                    sections.Add(new PageSection(
                        Title(table.Name),
                        new PageTable(table.Name == "runs" ? "One row a task, method and seed." : caption.Replace("+-", "±"), Readable(table))
                        { Folded = table.Name is "runs" or "tuning" or "ends" or "curvature" ? "Show the table" : null }));
                    caption = "";
                    break;
            }
        }
        return sections;
    }

    private static ResultTable Readable(ResultTable table) => table with { Rows = [.. table.Rows.Select(ComparisonPage.Readable).Select(Filled)] };

    // What programs read alone has no text.
    private static IReadOnlyList<ResultCell> Filled(IReadOnlyList<ResultCell> row) =>
        [.. row.Select(c => c is { Text: "", Values: [double value] } && double.IsFinite(value) ? c with { Text = Words.Number(value, 4) } : c)];

    private static string Title(string table) => table switch
    {
        "runs" => "Every run",
        "ends" => "Where the trainings end",
        "curvature" => "Measured curvature",
        "order" => "Does flatness order the methods?",
        _ => char.ToUpperInvariant(table[0]) + table[1..],
    };

    private static PageChart Chart(IGrouping<string, StudyDifference> question)
    {
        StudyDifference[] answers = [.. question];
        string[] tasks = [.. answers.SelectMany(a => a.Tasks).Distinct()];
        return new PageChart(
            $"{question.Key} less each other method, by task",
            string.Join("; ", answers.Select(a => $"{a.Other}: {Signed(a)}")) + ".",
            PageAxis.OfNames("", tasks), new PageAxis("difference of test accuracy, points") { IsPoints = true },
            [
                .. answers.Select((a, place) => new PageSeries(
                    a.Other, a.Tasks.Select(t => Array.IndexOf(tasks, t) + (0.12 * (place - ((answers.Length - 1) / 2.0)))), a.Differences.Select(d => d.Mean))
                {
                    Mark = PageMark.LargeDots,
                    Color = place,
                    Low = a.Differences.Select(d => double.IsNaN(d.Low) ? d.Mean : d.Low),
                    High = a.Differences.Select(d => double.IsNaN(d.High) ? d.Mean : d.High),
                    Notes = [.. a.Tasks.Zip(a.Differences, (t, d) => $"{t}: {a.Entry} less {a.Other} {Invariant($"{100 * d.Mean:+0.0;-0.0;0.0}")}")],
                }),
            ]);
    }

    private static double? MeanOf(StudyResult study, string entry)
    {
        StudyGroup?[] groups = [.. study.Design.Tasks.Select(t => StudyResult.Of(study.Groups, entry, t.Name))];
        return groups.Contains(null) ? null : groups.Average(g => g!.Runs.Average(r => r.TestAccuracy));
    }

    private static string Points(StudyDifference answer) => Invariant($"{100 * Math.Abs(answer.Test!.Mean):0.0} points");

    private static string Signed(StudyDifference answer) => Invariant($"{100 * answer.Test!.Mean:+0.0;-0.0;0.0} points");
}
