using System.Text.Json;

namespace Kontext.Functions.Storage;

/// <summary>Why the Table service refused an operation ("Table service error codes").</summary>
/// <param name="Code">The service's error code; empty when it gave none.</param>
internal readonly record struct TableRefusal(string Code)
{
    /// <summary>There is no such table yet.</summary>
    public bool TableMissing => Code == "TableNotFound";

    /// <summary>What the refusal means for a write; null when it is no outcome but a failure.</summary>
    public WriteOutcome? Outcome => Code switch
    {
        "EntityAlreadyExists" => WriteOutcome.Exists,
        "UpdateConditionNotSatisfied" or "ConditionNotMet" => WriteOutcome.Stale,
        "ResourceNotFound" or "EntityNotFound" or "TableNotFound" => WriteOutcome.Missing,
        _ => null,
    };

    /// <summary>Reads <c>odata.error</c> from an answer's body.</summary>
    public static TableRefusal Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var json = new Utf8JsonReader(body);
            while (json.Read())
            {
                if (json.TokenType == JsonTokenType.PropertyName && json.ValueTextEquals("code"u8) && json.Read())
                    return new TableRefusal(json.GetString() ?? "");
            }
        }
        catch (JsonException)
        {
            // Not the service's own answer: something in between, which has no code.
        }
        return new TableRefusal("");
    }
}
