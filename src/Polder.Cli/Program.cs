using Polder.Cli;

// Before anything can load libtorch: it reads these settings once, as it is loaded.
ProcessSetup.Apply();
return new CommandHost(Consoles.OfProcess(), CommandList.For(args)).Run(args, JobProcesses.EndOfStarter());
