using System.Diagnostics;

namespace Polder.Tests.Curvature;

/// <summary>libtorch's warnings go past Console.Error, and come once a process: only another process shows whether there are any.</summary>
public class QuietTests
{
    [Fact]
    public async Task Products_print_nothing_that_a_library_user_would_have_to_explain()
    {
        // This program again, for the class with products of all kinds.
        bool host = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])[.. host ? [typeof(QuietTests).Assembly.Location] : Array.Empty<string>(), "-class",
            typeof(ClosedFormTests).FullName!])
            start.ArgumentList.Add(argument);
        start.Environment.Remove("TORCH_CPP_LOG_LEVEL");
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, output);
        Assert.DoesNotContain("Warning", await error + output);
    }
}
