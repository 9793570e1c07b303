using System.Net.Http.Headers;

namespace Kontext.Load;

/// <summary>Load on any address, as given on the command line.</summary>
public static class UrlLoad
{
    /// <summary>Runs; a body makes it a POST.</summary>
    public static async Task<LoadResult> RunAsync(Uri url, Options options)
    {
        var body = options.Value("body-file") is { } file ? await File.ReadAllBytesAsync(file) : null;
        var headers = options.All("header").Select(header => header.Split(':', 2)).Select(parts => (Name: parts[0].Trim(), Value: parts.ElementAtOrDefault(1)?.Trim() ?? "")).ToList();
        var result = await LoadRun.RunAsync(_ => Request(url, headers, body), options.Connections, options.Duration);
        return result with { Name = url.AbsolutePath, ResidentBytes = options.Number("pid") is { } pid ? ServerMemory.Resident(pid) : null };
    }

    private static HttpRequestMessage Request(Uri url, List<(string Name, string Value)> headers, byte[]? body)
    {
        var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, url);
        if (body is not null)
            request.Content = new ByteArrayContent(body);
        foreach (var (name, value) in headers)
        {
            if (request.Content is { } content && name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
                content.Headers.ContentType = MediaTypeHeaderValue.Parse(value);
            else
                request.Headers.TryAddWithoutValidation(name, value);
        }
        return request;
    }
}
