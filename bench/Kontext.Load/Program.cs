using Kontext.Load;
using Kontext.Load.Report;
using Kontext.Load.Runs;

const string Usage = """
    Kontext.Load COMMAND [--connections 16] [--seconds 5] [--passes 3]

      floor-kestrel   bare Kestrel saying hello
      floor-es256     Kestrel verifying one ES256 token and signing another
      exchange        token exchange with policy, vault and durable audit on Azurite, beside floor-es256
      tools-call      tools/call through the gateway, beside the same upstream called directly
      tools-call-large    the same with a result of 1 MB
      tools-call-stream   the same with 20 reports of progress as events before the result
      proxy           GET of a small document through the REST proxy, beside the same API called directly
      all             all five, as a Markdown table
      refresh         how fast due connections are refreshed: [--instances 1] [--count 100]
      start           process start to the first answer and the first token, beside bare Kestrel: [--starts 5] [--program FILE]
      memory          resident memory while many requests are answered: [--requests 36000] [--program FILE]
      stages          where the time of a request goes, by the spans the product exports
      scale           simulations of 10, 100 and 1,000 instances
      report          everything, with peers, as bench/report/README.md with charts: [--starts 5] [--requests 36000] [--overload-seconds 10] [--refreshes 100] [--revocations 10]
      url             any address: --url URL [--header "Name: value"]... [--body-file FILE] [--pid SERVER]

    Prints requests per second, percentiles, errors, and the server's resident memory.
    """;

var options = Options.Read(args);
if (args is ["serve", var floor])
{
    await Floors.ServeAsync(floor);
    return 0;
}

if (options is not null && Scenarios.Has(options.Command))
{
    await Scenarios.RunAsync(options);
    return 0;
}

if (options?.Command is "report")
{
    await new ReportCommand(options).RunAsync();
    return 0;
}
if (options?.Command is "stages")
{
    await using var upstream = await EchoUpstream.StartAsync();
    await using var workplace = await Workplace.CreateAsync(upstream);
    foreach (var line in await StageTimes.TableAsync(workplace))
        Console.WriteLine(line);
    return 0;
}
if (options?.Command is "start" or "memory")
{
    // The program of a package that was unpacked before, or of one made now.
    using var package = options.Value("program") is null ? await Package.MakeAsync() : null;
    var program = options.Value("program") ?? package!.Program;
    await using var upstream = await EchoUpstream.StartAsync();
    await using var workplace = await Workplace.CreateAsync(upstream);
    var table = options.Command is "start"
        ? EnduranceReport.Table(await ColdStart.RunAsync(workplace, program, options.Number("starts") ?? 5))
        : EnduranceReport.Table(await MemoryRun.RunAsync(workplace, program, options.Number("requests") ?? MemoryRun.HourOfRequests));
    foreach (var line in table)
        Console.WriteLine(line);
    return 0;
}
if (options?.Command is "scale")
{
    ScaleReport.Print();
    return 0;
}
if (options?.Command is "refresh")
{
    var refreshed = await RefreshRun.RunAsync(options.Number("instances") ?? 1, options.Number("count") ?? 100);
    Console.WriteLine($"{refreshed.Connections} refreshed by {refreshed.Instances} in {refreshed.Took.TotalSeconds:0.00} s, {refreshed.PerSecond:0}/s, {refreshed.Twice} twice");
    return 0;
}

LoadResult result;
switch (options?.Command)
{
    case Floors.Kestrel or Floors.Es256:
        result = await Floors.RunAsync(options.Command, options.Connections, options.Duration);
        break;
    case "url" when Uri.TryCreate(options.Value("url"), UriKind.Absolute, out var url):
        result = await UrlLoad.RunAsync(url, options);
        break;
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}
Console.WriteLine(result.ToLine());
foreach (var line in result.ToPercentiles())
    Console.WriteLine(line);
if (result.FirstError is { } error)
    Console.Error.WriteLine($"First error: {error}");
return result.Errors == 0 ? 0 : 1;
