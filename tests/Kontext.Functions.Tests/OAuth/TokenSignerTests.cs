using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Reading our own tokens.</summary>
public sealed class TokenSignerTests
{
    private const int Rounds = 1_500;
    private const int AtOnce = 12;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Those_who_come_at_once_to_a_fresh_instance_are_all_let_in()
    {
        var time = new ManualTime(Samples.Then);
        var settings = KontextSettings.Read(new ConfigurationBuilder().AddInMemoryCollection([new("Kontext:Storage", "memory"), new("Kontext:PublicUrl", "http://localhost:7071"), new("Kontext:KeyDirectory", "keys")]).Build(), development: true);
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            // A key of its own each time: the first ones who look at it are what this is about.
            var tables = new MemoryTables();
            var instance = new Instance(tables, time);
            var store = new SigningKeyStore(tables, new MemoryVault(new Breakage()), instance.Epochs, time);
            var signer = new TokenSigner(new SigningKeyRing(store, instance.Cache, time), settings, time);
            var token = (await signer.SignAsync(Claims(time.GetUtcNow()), Cancel)).Reveal();
            using var together = new Barrier(AtOnce);
            var readers = Enumerable.Range(0, AtOnce).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    together.SignalAndWait(Cancel);
                    if (!signer.ReadAsync(token, Cancel).AsTask().GetAwaiter().GetResult().TryGet(out var _, out var _))
                        Interlocked.Increment(ref refused);
                },
                Cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            await Task.WhenAll(readers);
        }
        Assert.Equal(0, refused);
    }

    private static AccessTokenClaims Claims(DateTimeOffset now) => new()
    {
        Subject = Ids.Named<UserId>("alice").ToString(),
        Audience = "http://localhost:7071/mcp",
        ClientId = "app_agent",
        Org = Ids.Named<OrgId>("org"),
        IssuedAt = now,
        ExpiresAt = now.AddMinutes(10),
        TokenId = "token",
    };
}
