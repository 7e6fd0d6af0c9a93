using System.Diagnostics;
using Polder.Machine;
using Polder.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using TorchSharp;

namespace Polder.Benchmarks;

/// <summary>
/// Trainings side by side: one job of all threads, two jobs of half of them as processes, and the same as threads of one process. The jobs are
/// processes of this program that wait for a word, so that no variant pays for a start.
/// </summary>
internal static class JobsBenchmark
{
    public const string Worker = "jobs-worker";

    private const int Rounds = 5, Steps = 3;

    private static readonly (string Name, string Title, int Side, int Batch)[] Networks =
        [("resnet20", "ResNet-20, 32 px, batch 128", 32, 128), ("resnet18", "ResNet-18, 64 px, batch 32", 64, 32)];

    public static void Run()
    {
        int half = Math.Max(1, Environment.ProcessorCount / 2);
        foreach ((string name, string title, _, _) in Networks)
        {
            using var whole = new Job(name, threads: 2 * half, trainings: 1);
            using var first = new Job(name, half, trainings: 1);
            using var second = new Job(name, half, trainings: 1);
            using var both = new Job(name, half, trainings: 2);
            Interleaved.Compare($"Side by side: {title}, two trainings of {Steps} NSO steps", [
                ($"one after the other, {2 * half} threads", () =>
                {
                    whole.Train();
                    whole.Train();
                }),
                ($"two processes, {half} thread(s) each", () =>
                {
                    first.Begin();
                    second.Begin();
                    first.End();
                    second.End();
                }),
                ($"two threads of one process, {half} thread(s) each", () => both.Train()),
            ], Rounds, warmup: 1);
            string[] weights = [whole.Train(), first.Train(), both.Train()];
            Console.WriteLine($"\nEqual weights at the end, processes and threads: {weights[1] == weights[2]}; memory of a process, GiB: "
                + $"one training {first.Memory:F2}, two {both.Memory:F2}");
        }
    }

    /// <summary>What a job does: a training at each line that it reads, until there is none.</summary>
    public static void Work(IReadOnlyList<string> arguments)
    {
        ProcessSetup.Apply(); // as polder does, before libtorch is loaded
        (string name, _, int side, int batch) = Networks.Single(n => n.Name == arguments[0]);
        int threads = int.Parse(arguments[1]), trainings = int.Parse(arguments[2]);
        var random = new Random(1);
        byte[][] pixels = [.. Enumerable.Range(0, 2 * batch).Select(_ =>
        {
            byte[] image = new byte[3 * side * side];
            random.NextBytes(image);
            return image;
        })];
        string[] classes = [.. Enumerable.Range(0, 10).Select(c => $"{c}")];
        var images = new ImageSet(pixels, [.. Enumerable.Range(0, pixels.Length).Select(i => i % 10)], classes, 3, side, side);
        while (Console.ReadLine() is not null)
        {
            string[] ends = new string[trainings];
            Thread[] others = [.. Enumerable.Range(0, trainings).Select(i => new Thread(() =>
            {
                _ = torch.get_num_threads(); // else the thread's first parallel operation takes the process's number
                torch.set_num_threads(threads);
                ends[i] = Train(name, images, batch, side);
            }))];
            Array.ForEach(others, thread => thread.Start());
            Array.ForEach(others, thread => thread.Join());
            Console.WriteLine($"{ends[0]} {Process.GetCurrentProcess().WorkingSet64}");
        }
    }

    private static string Train(string name, ImageSet images, int batch, int side)
    {
        using ImageClassifier model = Architectures.Get(name).Build(10, 0);
        var options = new TrainingOptions { BatchSize = batch, Steps = Steps, LearningRate = 0.01, Augmentation = Augmentation.Flip };
        ImageSet validation = images.Subset([.. Enumerable.Range(0, batch)]);
        new Trainer(options, new NoiseStability { Sigma = 0.01 }).Run(model, images, validation, Normalization.ImageNet, side);
        using var scope = torch.NewDisposeScope();
        return string.Join(',', model.parameters().Take(3).Select(p => p.sum().ToSingle().ToString("R")));
    }

    private sealed class Job : IDisposable
    {
        private readonly Process _process;

        public Job(string network, int threads, int trainings)
        {
            // The program's own file: this process may be `dotnet` with the program as its argument.
            string program = Path.Combine(AppContext.BaseDirectory, Path.GetFileNameWithoutExtension(typeof(JobsBenchmark).Assembly.Location));
            _process = Process.Start(new ProcessStartInfo(OperatingSystem.IsWindows() ? program + ".exe" : program,
                [Worker, network, $"{threads}", $"{trainings}"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        }

        public double Memory { get; private set; }

        public void Begin() => _process.StandardInput.WriteLine();

        public string End()
        {
            string[] words = _process.StandardOutput.ReadLine()!.Split(' ');
            Memory = long.Parse(words[1]) / (double)(1 << 30);
            return words[0];
        }

        public string Train()
        {
            Begin();
            return End();
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
