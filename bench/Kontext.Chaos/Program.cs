using Kontext.Chaos;

const string Usage = """
    Kontext.Chaos [--seconds 120] [--connections 40] [--seed 1] [--logs FOLDER]

      Runs three instances of the product on one storage account while instances are killed, storage stalls, fails and loses answers,
      clocks are apart (where libfaketime is installed), queue messages come twice, the provider loses answers and people revoke;
      then heals everything and checks what must hold.
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
