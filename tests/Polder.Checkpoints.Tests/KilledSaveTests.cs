using System.Diagnostics;

namespace Polder.Checkpoints.Tests;

public class KilledSaveTests
{
    private const int Kills = 50;

    [Fact]
    public void A_process_killed_at_any_moment_leaves_a_whole_checkpoint()
    {
        using TemporaryFolder folder = new();
        Random random = new(20240607);
        int caught = 0;
        // Two savers at a time, each with a file of its own: starting one takes far longer than killing it.
        Queue<(Process Process, string Path)> savers = new();
        void Start(string path) => savers.Enqueue((TestProgram.Start(Saver.Variable, path), path));
        try
        {
            for (int kill = 0; kill < Kills; kill++)
            {
                while (savers.Count < 2)
                    Start(folder.File($"{savers.Count}-{kill}.safetensors"));
                (Process process, string path) = savers.Dequeue();
                using (process)
                {
                    Assert.Equal("saving", process.StandardOutput.ReadLine());
                    // The moment is random anyway (the saver runs on); the wait spreads it over several saves.
                    Thread.SpinWait(random.Next(2_000_000));
                    process.Kill();
                    process.WaitForExit();
                }
                caught += File.Exists(Path.Combine(folder.Path, $".{Path.GetFileName(path)}.tmp")) ? 1 : 0;
                using Checkpoint checkpoint = Checkpoint.Load(path);
                float step = float.Parse(checkpoint.Metadata["step"]);
                Assert.True(checkpoint.Tensors["first"].eq(step).all().item<bool>());
                Assert.True(checkpoint.Tensors["second"].eq(-step).all().item<bool>());
                File.Delete(path);
            }
        }
        finally
        {
            foreach ((Process process, _) in savers)
            {
                process.Kill();
                process.Dispose();
            }
        }
        // The savers do little else than write, so that most are killed in the middle of it; otherwise this test would show nothing.
        Assert.True(caught > 0, $"none of {Kills} kills hit a save");
    }
}
