using System.Net;
using System.Text.RegularExpressions;
using Kontext.Testing;

namespace Kontext.Chaos;

/// <summary>What goes wrong between an instance and storage.</summary>
internal enum StorageMode
{
    /// <summary>Nothing.</summary>
    Whole,

    /// <summary>Requests arrive only when it is over.</summary>
    Stalled,

    /// <summary>Some requests are refused, some get lost, of some the answer gets lost.</summary>
    Failing,

    /// <summary>The epoch row cannot be read or written: refused.</summary>
    EpochRefused,

    /// <summary>The epoch row cannot be read or written: no answer.</summary>
    EpochSilent,
}

/// <summary>The rules of the wires between one instance and the table and queue services.</summary>
internal sealed partial class StorageTrouble(Choices dice, Journal journal, Func<Task<bool>> kill)
{
    private sealed record Trouble(StorageMode Mode, Task Over);

    private sealed record Trap(string Table, bool After);

    private Trouble trouble = new(StorageMode.Whole, Task.CompletedTask);
    private Trap? trap;

    /// <summary>Goes wrong like this until <paramref name="over"/>.</summary>
    public void Set(StorageMode mode, Task over) => trouble = new Trouble(mode, over);

    /// <summary>Works again.</summary>
    public void Heal() => (trouble, trap) = (new Trouble(StorageMode.Whole, Task.CompletedTask), null);

    /// <summary>The instance is killed at its next write to a table: before the write, or when its answer is on the way.</summary>
    public void SetTrap(string table, bool after) => trap = new Trap(table, after);

    /// <summary>No trap any more.</summary>
    public void Disarm() => trap = null;

    /// <summary>The rule of the wire to the tables.</summary>
    public async Task<WireAnswer?> OnTablesAsync(WireRequest request, Func<Task<WireAnswer>> pass)
    {
        var table = Table().Match(request.Target.EndsWith("$batch", StringComparison.Ordinal) ? request.Body : request.Target).Groups[1].Value;
        if (trap is { } set && request.Method != "GET" && table == set.Table && Interlocked.CompareExchange(ref trap, null, set) == set)
        {
            if (set.After)
                await pass();
            if (await kill())
                journal.Count($"kills {(set.After ? "after" : "before")} a write to {table}");
            return null;
        }
        var now = trouble;
        switch (now.Mode)
        {
            case StorageMode.Stalled:
                await now.Over;
                return await pass();
            case StorageMode.EpochSilent when table == "epochs":
                await now.Over;
                return WireAnswer.Of(HttpStatusCode.ServiceUnavailable);
            case StorageMode.EpochRefused when table == "epochs":
                return WireAnswer.Of(HttpStatusCode.ServiceUnavailable);
            case StorageMode.Failing:
                return await FailAsync(pass);
            default:
                return await pass();
        }
    }

    /// <summary>The rule of the wire to the queue: some messages are put twice, some are not deleted when they are done and so come again.</summary>
    public async Task<WireAnswer?> OnQueueAsync(WireRequest request, Func<Task<WireAnswer>> pass)
    {
        var now = trouble;
        if (now.Mode == StorageMode.Stalled)
            await now.Over;
        else if (now.Mode == StorageMode.Failing)
            return await FailAsync(pass);
        if (request.Method == "POST" && dice.Percent(30))
        {
            journal.Count("queue messages put twice");
            await pass();
        }
        else if (request.Method == "DELETE" && dice.Percent(15))
        {
            journal.Count("queue messages not deleted");
            return WireAnswer.Of(HttpStatusCode.NoContent);
        }
        return await pass();
    }

    private async Task<WireAnswer?> FailAsync(Func<Task<WireAnswer>> pass)
    {
        switch (dice.Below(10))
        {
            case < 4:
                journal.Count("storage requests refused");
                return WireAnswer.Of(HttpStatusCode.ServiceUnavailable);
            case 4:
                journal.Count("storage requests lost");
                return null;
            case 5:
                journal.Count("storage answers lost");
                await pass();
                return null;
            default:
                return await pass();
        }
    }

    [GeneratedRegex(@"/account\d+/([A-Za-z]+)")]
    private static partial Regex Table();
}
