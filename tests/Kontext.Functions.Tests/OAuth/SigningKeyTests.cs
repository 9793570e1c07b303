using Kontext.Functions.OAuth;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What a key is for at which time.</summary>
public sealed class SigningKeyTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Change = Start.AddDays(90);
    private static readonly StoredSigningKey Old = Key("old", Start);
    private static readonly StoredSigningKey New = Key("new", Change);
    private static readonly StoredKeyRing Ring = new([Old, New]);

    [Fact]
    public void A_new_key_waits_takes_over_and_the_old_one_stays_until_its_last_token_has_ended()
    {
        Assert.Equal((SigningKeyState.Current, SigningKeyState.Next), StatesAt(Change.AddTicks(-1)));
        Assert.Equal((SigningKeyState.Previous, SigningKeyState.Current), StatesAt(Change));
        Assert.Equal((SigningKeyState.Previous, SigningKeyState.Current), StatesAt(Change.AddMinutes(10)));
        Assert.Equal((SigningKeyState.Retired, SigningKeyState.Current), StatesAt(Change + StoredKeyRing.Overlap));
    }

    [Fact]
    public void An_instance_whose_clock_is_behind_signs_with_the_first_key_all_the_same() =>
        Assert.Equal((SigningKeyState.Current, SigningKeyState.Next), StatesAt(Start.AddSeconds(-5)));

    [Fact]
    public void The_key_set_names_what_is_accepted_and_what_waits()
    {
        Assert.Equal(["old", "new"], Ring.Published(Change.AddMinutes(-1)).Select(key => key.Kid));
        Assert.Equal(["new"], Ring.Published(Change + StoredKeyRing.Overlap).Select(key => key.Kid));
    }

    private static (SigningKeyState Old, SigningKeyState New) StatesAt(DateTimeOffset now) => (Ring.StateOf(Old, now), Ring.StateOf(New, now));

    private static StoredSigningKey Key(string kid, DateTimeOffset activeFrom) => new(kid, "x", "y", "v", activeFrom, activeFrom, null);
}
