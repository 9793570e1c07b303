using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Chaos;

/// <summary>The administrator: asks any instance, and asks again until one did what was wanted. An answer that no documentation has is a breach.</summary>
internal sealed class Owner(IReadOnlyList<Instance> instances, TestAgent kontext, Choices dice, Journal journal) : IDisposable
{
    private static readonly TimeSpan TokenLife = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private const int MostRefusals = 10;

    private readonly SemaphoreSlim renewing = new(1);
    private string token = "";
    private TimeSpan tokenOf;

    /// <summary>Asks until it is done. <paramref name="repeating"/> hears of each time it was not, or nobody knows: what was asked for may happen yet.</summary>
    public async Task<JsonNode?> DoAsync(HttpMethod method, string path, JsonNode? body = null, bool counted = true, Action? repeating = null)
    {
        for (var refusals = 0; ;)
        {
            var at = dice.Of(instances);
            if (!at.Up)
            {
                await Task.Delay(Pause);
                continue;
            }
            var asked = journal.Now;
            try
            {
                var answer = await TestAgent.CallAsync(at.Url, method, "/api/v1" + path, await TokenAsync(), body?.DeepClone());
                if ((int)answer.Status < 300)
                {
                    if (counted)
                        journal.Count("administrative requests answered");
                    return answer.Json;
                }
                if (answer.Status != HttpStatusCode.ServiceUnavailable && ++refusals == MostRefusals)
                    throw new InvalidOperationException($"{method} {path} is refused: {(int)answer.Status} {answer.Json?.ToJsonString()}");
                if (answer.Status != HttpStatusCode.ServiceUnavailable)
                    journal.Breaches.Enqueue(new Breach(asked, $"instance {at.Number}: {method} {path} was answered with {(int)answer.Status} {answer.Json?.ToJsonString()}"));
                else if (answer.Headers.RetryAfter is null)
                    journal.Breaches.Enqueue(new Breach(asked, $"instance {at.Number}: {method} {path} was answered with 503 without Retry-After"));
                journal.Count("administrative requests repeated");
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or JsonException or OperationCanceledException)
            {
                journal.Count("administrative requests repeated");
            }
            repeating?.Invoke();
            await Task.Delay(Pause);
        }
    }

    /// <summary>A token of the management API.</summary>
    public async Task<string> TokenAsync()
    {
        await renewing.WaitAsync();
        try
        {
            while (token.Length == 0 || journal.Now - tokenOf > TokenLife)
            {
                try
                {
                    (token, tokenOf) = (await kontext.ManagementTokenAsync("olivia"), journal.Now);
                }
                catch (Exception failure) when (Person.IsTrouble(failure))
                {
                    await Task.Delay(Pause);
                }
            }
            return token;
        }
        finally
        {
            renewing.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => renewing.Dispose();
}
