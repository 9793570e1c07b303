using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;
using Kontext.Functions.Commands;
using Kontext.Functions.Local;
using Kontext.Functions.OAuth;
using Kontext.Functions.Retention;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Retention;

/// <summary>An installation whose audit trail grows over days, with as many instances as a test asks for.</summary>
internal sealed class RetentionWorld : IAsyncDisposable
{
    public const int KeptDays = 2;
    public static readonly DateOnly FirstDay = new(2026, 3, 1);

    private readonly List<ServiceProvider> instances = [];
    private readonly string folder = Directory.CreateTempSubdirectory("kontext-retention-").FullName;
    private readonly IAuditArchive? given;

    public RetentionWorld(ITableSource tables, IAuditArchive? archive = null) => (Tables, given) = (new FaultyTables(tables), archive);

    public ManualTime Time { get; } = new(new DateTimeOffset(FirstDay.ToDateTime(new TimeOnly(10, 0)), TimeSpan.Zero));

    public FaultyTables Tables { get; }

    public OrgId Org { get; } = new(Guid.NewGuid());

    /// <summary>Entries that were appended, by day.</summary>
    public Dictionary<DateOnly, int> Appended { get; } = [];

    public DateOnly Today => DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime);

    /// <summary>The youngest day that has expired.</summary>
    public DateOnly Last => Today.AddDays(-KeptDays - 1);

    public string DirectoryOfArchive => Path.Combine(folder, "archive");

    /// <summary>The first instance.</summary>
    public ServiceProvider Here => instances.Count > 0 ? instances[0] : Instance();

    public IAuditArchive Archive => Here.GetRequiredService<IAuditArchive>();

    public AuditRetention Retention => Here.GetRequiredService<AuditRetention>();

    public TableAuditLog Trail => Here.GetRequiredService<TableAuditLog>();

    /// <summary>Another instance of the program.</summary>
    /// <param name="archive">What to put in the archive's place.</param>
    public ServiceProvider Instance(Func<IAuditArchive, IAuditArchive>? archive = null)
    {
        var settings = new KontextSettings
        {
            PublicUrl = new Uri("https://kontext.example"), Storage = "memory", KeyDirectory = Path.Combine(folder, "keys"), Organization = "dev", Development = false, AllowPrivateUpstreams = false,
            Audit = new AuditSettings(KeptDays, AuditArchiveAddress.Parse(DirectoryOfArchive, "memory")),
        };
        var services = new ServiceCollection().AddLogging().AddSingleton(settings).AddSingleton<TimeProvider>(Time)
            .AddKontextStorage(settings).AddSingleton<ITableSource>(Tables).AddKontextVault(settings).AddKontextAudit()
            .AddSingleton<SigningKeyStore>().AddSingleton<SigningKeyRing>().AddSingleton<IAuditSigner, AuditSigner>().AddSingleton<AuditSeal>()
            .AddSingleton<IDailyWork, DailyWork>().AddKontextRetention(settings);
        var real = given ?? new DirectoryArchive(DirectoryOfArchive);
        services.AddSingleton(archive?.Invoke(real) ?? real);
        var instance = services.BuildServiceProvider();
        instances.Add(instance);
        return instance;
    }

    public async Task AppendAsync(int entries = 1, OrgId? org = null)
    {
        for (var number = 0; number < entries; number++)
            await Trail.AppendAsync(org ?? Org, new AuditEvent { At = Time.GetUtcNow(), Type = AuditTypes.ApiCall, Target = $"entry {number}" }, default);
        if (org is null)
            Appended[Today] = Appended.GetValueOrDefault(Today) + entries;
    }

    /// <summary>Lives through days, each with entries and checkpoints; ends at ten in the morning after the last.</summary>
    /// <param name="days">How many.</param>
    /// <param name="isQuiet">Days on which nothing happens.</param>
    public async Task LiveAsync(int days, Func<DateOnly, bool>? isQuiet = null)
    {
        await new OrganizationIndex(Tables).AddAsync(Org, default);
        for (var day = 0; day < days; day++)
        {
            if (isQuiet?.Invoke(Today) is not true)
                await AppendAsync(3);
            await SealAsync();
            Time.Advance(TimeSpan.FromHours(13.9));
            if (isQuiet?.Invoke(Today) is not true)
                await AppendAsync(2);
            // The day's last entries are stated by a checkpoint of the next.
            Time.Advance(TimeSpan.FromHours(0.3));
            await SealAsync();
            Time.Advance(TimeSpan.FromHours(9.8));
        }
    }

    public Task SealAsync() => Here.GetRequiredService<AuditSeal>().SealAsync(Org, default);

    /// <summary>The archived file of a day, checked by the command with the keys as they are published; null when there is none.</summary>
    public async Task<string[]?> ArchivedAsync(DateOnly day)
    {
        var file = Path.Combine(folder, Path.GetRandomFileName());
        if (!await Archive.ReadAsync(Org, day, file, default))
            return null;
        await VerifiedAsync(file);
        return await File.ReadAllLinesAsync(file);
    }

    /// <summary>What is kept, exported as the API does and checked by the command.</summary>
    public async Task<string[]> ExportAsync(DateOnly from, DateOnly to)
    {
        var exporter = Here.GetRequiredService<AuditExporter>();
        var file = Path.Combine(folder, Path.GetRandomFileName());
        await using (var stream = File.Create(file))
            Assert.NotNull(await exporter.WriteAsync(stream, await exporter.BeginAsync(Org, from, to, default), default));
        await VerifiedAsync(file);
        return await File.ReadAllLinesAsync(file);
    }

    public static int Entries(IEnumerable<string>? lines) => lines?.Count(line => line.StartsWith("""{"kind":"entry",""", StringComparison.Ordinal) && line.Contains("entry ", StringComparison.Ordinal)) ?? 0;

    /// <summary>Every entry is in the archive or in storage, each day where it belongs, and all of it verifies.</summary>
    public async Task IsWholeAsync()
    {
        var first = Last.AddDays(1);
        foreach (var (day, entries) in Appended.Where(day => day.Key < first))
            Assert.Equal(entries, Entries(await ArchivedAsync(day)));
        Assert.Equal(Appended.Where(day => day.Key >= first).Sum(day => day.Value), Entries(await ExportAsync(first, Today)));
        var archived = await Trail.ArchivedAsync(Org, default);
        Assert.NotNull(archived);
        Assert.Equal(Archive.PlaceOf(Org), archived.Place);
        // The youngest expired day stays as rows too: the checkpoints of the day after state its entries.
        Assert.All(await new TableAuditLogRemoval(Tables).DaysAsync(Org, Last, default), day => Assert.Equal(Last, day));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances)
            await instance.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private async Task VerifiedAsync(string file)
    {
        var published = new JsonArray([.. (await Here.GetRequiredService<AuditExporter>().KeysAsync(default)).Values
            .Select(key => new JsonObject { ["kty"] = key.Kty, ["crv"] = key.Crv, ["x"] = key.X, ["y"] = key.Y, ["kid"] = key.Kid, ["use"] = key.Use, ["alg"] = key.Alg })]);
        var keys = Path.Combine(folder, Path.GetRandomFileName());
        await File.WriteAllTextAsync(keys, new JsonObject { ["keys"] = published }.ToJsonString());
        using var said = new StringWriter();
        Assert.True(AuditVerifyCommand.Run(file, keys, said, said) == CommandLine.Ok, said.ToString());
    }
}

/// <summary>An archive that is changed, or dies, as a test says.</summary>
internal sealed class FaultyArchive(IAuditArchive inner) : IAuditArchive
{
    /// <summary>Changes a file on its way back.</summary>
    public Func<DateOnly, string[], string[]>? Change { get; set; }

    /// <summary>The next write fails after it was done.</summary>
    public bool LosesAnswer { get; set; }

    public string PlaceOf(OrgId org) => inner.PlaceOf(org);

    public async Task<bool> WriteAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken)
    {
        var written = await inner.WriteAsync(org, day, file, cancellationToken);
        if (!LosesAnswer)
            return written;
        LosesAnswer = false;
        throw new IOException("An answer lost as the test asked for.");
    }

    public async Task<bool> ReadAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken)
    {
        var found = await inner.ReadAsync(org, day, file, cancellationToken);
        if (found && Change is not null)
            await File.WriteAllTextAsync(file, string.Concat(Change(day, await File.ReadAllLinesAsync(file, cancellationToken)).Select(line => line + "\n")), cancellationToken);
        return found;
    }
}
