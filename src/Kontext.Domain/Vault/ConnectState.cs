using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.Vault;

/// <summary>A provider authorization under way: who started it, in which browser, for what. Stored only after the person pressed the button on our own page.</summary>
public sealed record ConnectState
{
    /// <summary>Hash of the <c>state</c> parameter.</summary>
    public required string Hash { get; init; }

    /// <summary>Who started it.</summary>
    public required UserId User { get; init; }

    /// <summary>For which integration.</summary>
    public required IntegrationId Integration { get; init; }

    /// <summary>Hash of the browser session it was started in; null when it was started with an access token, which no other site can make a browser send: then the person is enough.</summary>
    public string? BrowserBinding { get; init; }

    /// <summary>Token endpoint the code is meant for: a code must not go to another one, even if the settings changed meanwhile.</summary>
    public required string TokenEndpoint { get; init; }

    /// <summary>The scopes asked for; empty in rows from before they were kept.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Where the person goes afterwards; null for nowhere.</summary>
    public string? ReturnUrl { get; init; }

    /// <summary>Sealed handle of the connect session on whose page it was started; null when it was started elsewhere.</summary>
    public string? SealedSession { get; init; }

    /// <summary>When it stops working.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When the callback came; null while it is awaited.</summary>
    public DateTimeOffset? UsedAt { get; init; }
}

/// <summary>Keeps authorizations under way.</summary>
public interface IConnectStateStore
{
    /// <summary>Adds one; its hash is new.</summary>
    Task InsertAsync(OrgId org, ConnectState state, CancellationToken cancellationToken);

    /// <summary>The one with this hash; null when there is none. It may have expired.</summary>
    Task<Versioned<ConnectState>?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<ConnectState>?> ReplaceAsync(OrgId org, Versioned<ConnectState> current, ConnectState next, CancellationToken cancellationToken);
}

/// <summary>Issues <c>state</c> parameters and takes each back once, from the browser it was issued to.</summary>
public sealed class ConnectStates(IConnectStateStore store, ISealer sealer, TimeProvider time)
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    /// <summary>Stores a state, with the handle of the connect session if there is one, and gives the parameter to send.</summary>
    public async Task<string> IssueAsync(OrgId org, Secret? session, Func<string, DateTimeOffset, ConnectState> make, CancellationToken cancellationToken)
    {
        var handle = OrgHandle.New(org, OrgHandle.ConnectState);
        var state = make(RandomValue.HashOf(handle), time.GetUtcNow() + Life);
        if (session is not null)
            state = state with { SealedSession = await sealer.SealAsync(org, ContextOf(state), session, cancellationToken) };
        await store.InsertAsync(org, state, cancellationToken);
        return handle;
    }

    /// <summary>What a state was issued for and the handle of its connect session, for the same person and browser only. It may have expired or been used.</summary>
    public async Task<(ConnectState State, Secret? Session)?> FindAsync(string? handle, OrgId org, UserId user, string? browserBinding, CancellationToken cancellationToken)
    {
        if (!OrgHandle.TryRead(handle, OrgHandle.ConnectState, out var issuedIn) || issuedIn != org
            || await store.FindAsync(org, RandomValue.HashOf(handle!), cancellationToken) is not { Value: var state } || !IsOf(state, user, browserBinding))
            return null;
        return (state, state.SealedSession is { } text ? await sealer.OpenAsync(org, ContextOf(state), text, cancellationToken) : null);
    }

    /// <summary>What a state was issued for, whoever asks. The handle of its connect session is for the browser session that began alone, which may have ended since.</summary>
    public async Task<(OrgId Org, ConnectState State, Secret? Session)?> FindInterruptedAsync(string? handle, string? browserBinding, CancellationToken cancellationToken)
    {
        if (!OrgHandle.TryRead(handle, OrgHandle.ConnectState, out var org) || await store.FindAsync(org, RandomValue.HashOf(handle!), cancellationToken) is not { Value: var state })
            return null;
        var sealedSession = state is { BrowserBinding: not null, SealedSession: { } text } && IsOf(state, state.User, browserBinding) ? text : null;
        return (org, state, sealedSession is null ? null : await sealer.OpenAsync(org, ContextOf(state), sealedSession, cancellationToken));
    }

    /// <summary>Takes a state back: the same person and browser, in time, once. <paramref name="browserBinding"/> is null where an access token speaks for the person.</summary>
    public async Task<Result<ConnectState>> RedeemAsync(string? handle, OrgId org, UserId user, string? browserBinding, CancellationToken cancellationToken)
    {
        if (!OrgHandle.TryRead(handle, OrgHandle.ConnectState, out var issuedIn) || issuedIn != org
            || await store.FindAsync(org, RandomValue.HashOf(handle!), cancellationToken) is not { } row || row.Value.ExpiresAt <= time.GetUtcNow())
            return Refused("unknown or expired state");
        // A foreign browser must not use up the state of the one that started.
        if (!IsOf(row.Value, user, browserBinding))
            return Refused("state of another browser session");
        if (row.Value.UsedAt is not null || await store.ReplaceAsync(org, row, row.Value with { UsedAt = time.GetUtcNow() }, CancellationToken.None) is null)
            return Refused("state used before");
        return row.Value;
    }

    /// <summary>The PKCE verifier that belongs to a state (RFC 7636 section 4.1): derived, so that it is stored nowhere.</summary>
    public async ValueTask<Secret> VerifierAsync(OrgId org, string handle, CancellationToken cancellationToken) =>
        new(System.Buffers.Text.Base64Url.EncodeToString(await sealer.DeriveAsync(org, "connect-pkce", handle, cancellationToken)));

    private static string ContextOf(ConnectState state) => "connect-session " + state.Hash;

    private static bool IsOf(ConnectState state, UserId user, string? browserBinding) =>
        state.User == user && (state.BrowserBinding is not { } bound || FixedTimeEquals(bound, browserBinding ?? ""));

    private static bool FixedTimeEquals(string left, string right) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(left), Encoding.UTF8.GetBytes(right));

    private static Failure Refused(string detail) =>
        new(FailureCode.InvalidRequest, "This authorization was not started in this browser, was used before, or took longer than ten minutes. Start again from the connect page.", detail);
}
