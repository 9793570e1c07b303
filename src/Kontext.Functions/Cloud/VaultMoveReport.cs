namespace Kontext.Functions.Cloud;

/// <summary>What became of one version in a move.</summary>
internal enum VaultMoveOutcome
{
    /// <summary>It was moved, and read back.</summary>
    Moved,

    /// <summary>It was in the wanted form already.</summary>
    There,

    /// <summary>It is too large for Key Vault and stays an encrypted row.</summary>
    TooLarge,

    /// <summary>Somebody else changed it at the same time: the next run has it.</summary>
    UnderWay,

    /// <summary>Its vault does not give it out: an operator deleted or disabled it.</summary>
    NotGivenOut,
}

/// <summary>What a move came to. Filled from several threads.</summary>
internal sealed class VaultMoveReport
{
    private readonly Lock gate = new();
    private readonly Dictionary<VaultMoveOutcome, int> counts = [];

    /// <summary>Until when operators of the vault can recover what was deleted there; null when it is gone for good.</summary>
    public DateTimeOffset? RecoverableUntil { get; private set; }

    /// <summary>Nothing is left for another run, as far as one can do anything about it.</summary>
    public bool IsComplete => Of(VaultMoveOutcome.UnderWay) + Of(VaultMoveOutcome.NotGivenOut) == 0;

    /// <summary>How many versions ended like this.</summary>
    public int Of(VaultMoveOutcome outcome)
    {
        lock (gate)
            return counts.GetValueOrDefault(outcome);
    }

    /// <summary>Notes a version.</summary>
    public void Count(VaultMoveOutcome outcome)
    {
        lock (gate)
            counts[outcome] = counts.GetValueOrDefault(outcome) + 1;
    }

    /// <summary>Notes that secrets were deleted.</summary>
    public void Deleted(DateTimeOffset? recoverableUntil)
    {
        lock (gate)
        {
            if (RecoverableUntil is null || recoverableUntil > RecoverableUntil)
                RecoverableUntil = recoverableUntil;
        }
    }
}
