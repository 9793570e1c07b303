namespace Kontext.Functions.Storage;

/// <summary>The tables of the audit.</summary>
internal sealed class TableAuditLogTables(ITableSource tables)
{
    /// <summary>Blocks of entries.</summary>
    public ITable Blocks { get; } = tables.Open("audit");

    /// <summary>Segments by day, and the days.</summary>
    public ITable Segments { get; } = tables.Open("auditsegments");

    /// <summary>Organizations by day.</summary>
    public ITable Organizations { get; } = tables.Open("auditorganizations");

    /// <summary>Signed checkpoints.</summary>
    public ITable Checkpoints { get; } = tables.Open("auditcheckpoints");

    /// <summary>Days that are in the archive.</summary>
    public ITable Archived { get; } = tables.Open("auditarchived");
}
