using Kontext.Chaos;

const string Usage = """
    Kontext.Chaos [--seconds 120] [--connections 40] [--seed 1] [--skew 3] [--logs FOLDER]

      Runs three instances of the product on one storage account while instances are killed, storage stalls, fails and loses answers,
      queue messages come twice, the provider loses answers and people revoke; then heals everything and checks what must hold.
      --skew sets the instances' clocks apart by up to so many seconds each way (needs libfaketime; Debian: apt-get install libfaketime).
      Prints a Markdown summary; ends with 1 when something that must hold does not. --logs keeps what the instances logged.
    """;

if (ChaosOptions.Read(args) is not { } options)
{
    Console.Error.WriteLine(Usage);
    return 2;
}
var report = await ChaosRun.RunAsync(options, Console.Error.WriteLine);
Console.WriteLine(report.ToMarkdown());
return report.Holds ? 0 : 1;
