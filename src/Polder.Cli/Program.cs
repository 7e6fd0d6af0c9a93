using Polder.Cli;
using Polder.Cli.Hosting;
using Polder.Cli.Output;
using Polder.Machine;

// Before anything can load libtorch: it reads these settings once, as it is loaded.
ProcessSetup.Apply();
return new CommandHost(Consoles.OfProcess(), CommandList.All).Run(args);
