using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Storage;

/// <summary>A table whose rows end by themselves, spread over the partitions of <see cref="Key.Shards"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Rows">The table.</param>
/// <param name="EndOf">When a row stops being of use.</param>
internal sealed record ExpiringTable(string Name, ITable Rows, Func<TableRow, DateTimeOffset> EndOf);

/// <summary>The tables whose rows end by themselves. INVARIANT: whoever reads them refuses what has ended, so that it never matters when a row goes.</summary>
internal static class ExpiringTables
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<ExpiringTable> Of(ITableSource tables) =>
    [
        Documents(tables, "authorizationcodes", StoredJson.Default.AuthorizationCode, code => code.ExpiresAt),
        Documents(tables, "deviceauthorizations", StoredJson.Default.DeviceAuthorization, authorization => authorization.ExpiresAt),
        Documents(tables, "usercodes", StoredJson.Default.UserCodeRow, code => code.ExpiresAt),
        Documents(tables, "wrongusercodes", StoredJson.Default.WrongUserCodes, count => count.Since + UserCodeGuesses.Window),
        Documents(tables, "browsersessions", StoredJson.Default.BrowserSession, session => session.ExpiresAt),
        Documents(tables, "signinstates", StoredJson.Default.SignInState, state => state.ExpiresAt),
        Documents(tables, "connectsessions", StoredJson.Default.ConnectSession, session => session.ExpiresAt),
        Documents(tables, "connectstates", StoredJson.Default.ConnectState, state => state.ExpiresAt),
        Documents(tables, "approvals", StoredJson.Default.Approval, approval => approval.ExpiresAt),
        Documents(tables, "traces", StoredJson.Default.TraceMention, mention => mention.ExpiresAt),
        Documents(tables, "usertraces", StoredJson.Default.PersonMention, mention => mention.ExpiresAt),
        Documents(tables, "usertracedays", StoredJson.Default.TraceDay, day => day.ExpiresAt),
        Documents(tables, "issuedcredentials", StoredJson.Default.IssuedCredential, issued => issued.KeptUntil),
        Documents(tables, "mcpsessions", StoredJson.Default.McpSessionNote, note => note.ExpiresAt),
        Marks(tables, "spentassertions"),
        Marks(tables, "spentproofs"),
        Marks(tables, "mcpmailbox"),
    ];

    private static ExpiringTable Documents<T>(ITableSource tables, string name, JsonTypeInfo<T> type, Func<T, DateTimeOffset> endOf)
        where T : class
    {
        var table = tables.Open(name);
        var documents = new DocumentTable<T>(table, type);
        return new ExpiringTable(name, table, row => endOf(documents.Read(row).Value));
    }

    private static ExpiringTable Marks(ITableSource tables, string name) => new(name, tables.Open(name), row => (DateTimeOffset)row.Properties["expiresAt"]);
}
