using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kontext.Domain;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Admin;

/// <summary>One request for an administration page: who sent it, and the management API as that person may use it.</summary>
internal sealed class AdminVisit(HttpContext context, BrowserUser user, AdminFrame frame, ManagementApi api)
{
    /// <summary>The request.</summary>
    public HttpContext Context => context;

    /// <summary>The person.</summary>
    public BrowserUser User => user;

    /// <summary>What the page has around it.</summary>
    public AdminFrame Frame => frame;

    /// <summary>A parameter of the page's address; null when absent or empty.</summary>
    public string? Query(string name) => context.Request.Query[name].ToString().Trim() is { Length: > 0 } value ? value : null;

    /// <summary>Reads from the API.</summary>
    public Task<Result<T>> GetAsync<T>(string address, JsonTypeInfo<T> answer)
        where T : class => api.SendAsync(context, user, new ApiRequest(HttpMethods.Get, address), answer);

    /// <summary>Reads from the API, with the tag of the state that was read.</summary>
    public Task<Result<(T Value, string Tag)>> GetTaggedAsync<T>(string address, JsonTypeInfo<T> answer)
        where T : class => api.SendTaggedAsync(context, user, new ApiRequest(HttpMethods.Get, address), answer);

    /// <summary>Sends to the API and reads the answer. With a tag the change is meant for the state of that tag alone.</summary>
    public Task<Result<T>> SendAsync<TBody, T>(string method, string address, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> answer, string? ifMatch = null)
        where T : class => api.SendAsync(context, user, new ApiRequest(method, address, JsonSerializer.SerializeToUtf8Bytes(body, bodyType)) { IfMatch = ifMatch }, answer);

    /// <summary>Sends JSON that is written already.</summary>
    public Task<Result<T>> SendAsync<T>(string method, string address, byte[]? body, JsonTypeInfo<T> answer)
        where T : class => api.SendAsync(context, user, new ApiRequest(method, address, body), answer);

    /// <summary>Sends to the API what is answered without a body.</summary>
    public Task<Result<Done>> SendAsync(string method, string address) => api.SendAsync(context, user, new ApiRequest(method, address));

    /// <summary>Has the API answer the browser itself.</summary>
    public IResult Download(string address) => api.Download(user, new ApiRequest(HttpMethods.Get, address));

    /// <summary>All items of a list that the API gives in pages, up to a number of them.</summary>
    public async Task<Result<List<TItem>>> AllAsync<TList, TItem>(string address, JsonTypeInfo<TList> answer, Func<TList, (IReadOnlyList<TItem> Items, string? Next)> read, int most)
        where TList : class
    {
        var all = new List<TItem>();
        string? cursor = null;
        do
        {
            var page = address + (address.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "limit=200" + (cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor));
            if (!(await GetAsync(page, answer)).TryGet(out var list, out var failure))
                return failure;
            var (items, next) = read(list);
            all.AddRange(items);
            cursor = next;
        }
        while (cursor is not null && all.Count < most);
        return all;
    }
}
