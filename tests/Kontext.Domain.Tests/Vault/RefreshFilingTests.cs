using Kontext.Domain.Vault;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

public sealed class RefreshFilingTests
{
    [Theory]
    [InlineData(60, 0, 54)]
    [InlineData(60, 1, 51)]
    [InlineData(10, 0, 8)]
    [InlineData(10, 1, 7)]
    [InlineData(3, 0, 1.5)]
    [InlineData(0, 0, 0)]
    public void A_token_is_due_a_tenth_of_its_life_or_two_minutes_ahead_and_never_in_its_first_half(double life, double jitter, double due) =>
        Assert.Equal(ConnectionWorld.Noon.AddMinutes(due), RefreshFiling.DueAt(ConnectionWorld.Noon, ConnectionWorld.Noon.AddMinutes(life), jitter));
}
