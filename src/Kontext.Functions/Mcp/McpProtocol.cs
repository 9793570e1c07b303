namespace Kontext.Functions.Mcp;

/// <summary>What the protocol's revisions are called and what they call things.</summary>
internal static class McpProtocol
{
    /// <summary>The revision without sessions, where each request says everything itself.</summary>
    public const string Modern = "2026-07-28";

    /// <summary>The newest of the revisions that begin with <c>initialize</c>.</summary>
    public const string NewestLegacy = "2025-11-25";

    /// <summary>The one revision in which several messages come in one request (MCP 2025-03-26, batching); its clients do not name it with each request.</summary>
    public const string Batching = "2025-03-26";

    public const string MetaVersion = "io.modelcontextprotocol/protocolVersion";
    public const string MetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
    public const string MetaClientInfo = "io.modelcontextprotocol/clientInfo";
    public const string MetaServerInfo = "io.modelcontextprotocol/serverInfo";
    public const string MetaLogLevel = "io.modelcontextprotocol/logLevel";

    public const string TasksExtension = "io.modelcontextprotocol/tasks";

    public const int ParseError = -32700;
    public const int InvalidRequest = -32600;
    public const int MethodNotFound = -32601;
    public const int InvalidParams = -32602;
    public const int InternalError = -32603;
    public const int SessionNotFound = -32001;
    public const int ResourceNotFound = -32002;
    public const int HeaderMismatch = -32020;
    public const int MissingClientCapability = -32021;
    public const int UnsupportedVersion = -32022;
    public const int UrlElicitationRequired = -32042;

    /// <summary>Every revision served, newest first.</summary>
    public static readonly string[] Versions = [Modern, NewestLegacy, "2025-06-18", Batching, "2024-11-05"];

    /// <summary>Whether this is one of the revisions with <c>initialize</c>.</summary>
    public static bool IsLegacy(string version) => version != Modern && Array.IndexOf(Versions, version) >= 0;
}
