using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The keys of an instance that has just started.</summary>
public sealed class SigningKeyRingTests
{
    // With the library's cache of signature providers about one in five thousand of these was refused.
    private const int Rounds = 2_500;
    private const int AtOnce = 12;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_that_many_use_at_once_for_the_first_time_verifies_for_all_of_them()
    {
        var time = new ManualTime(Samples.Then);
        var handler = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false };
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var tables = new MemoryTables();
            var instance = new Instance(tables, time);
            var ring = new SigningKeyRing(new SigningKeyStore(tables, new MemoryVault(new Breakage()), instance.Epochs, time), instance.Cache, time);
            var signing = await ring.CurrentAsync(Cancel);
            var token = handler.CreateToken("""{"iss":"kontext"}""", signing);
            var key = (await ring.FindAsync(signing.Key.KeyId, Cancel))!.Key;
            using var together = new Barrier(AtOnce);
            await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    together.SignalAndWait(Cancel);
                    var validated = handler.ValidateToken(token, new TokenValidationParameters { ValidIssuer = "kontext", IssuerSigningKey = key, ValidateAudience = false, ValidateLifetime = false });
                    if (!validated.IsValid)
                        Interlocked.Increment(ref refused);
                },
                Cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        }
        Assert.Equal(0, refused);
    }
}
