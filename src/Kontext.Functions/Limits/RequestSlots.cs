using System.Threading.RateLimiting;
using Kontext.Domain;
using Kontext.Domain.Observability;

namespace Kontext.Functions.Limits;

/// <summary>
/// How many requests one instance works on at a time. What comes beyond is refused at once and cheaply, so that what was let in is answered as
/// quickly as ever, and memory is bounded, however much is asked (RFC 9110 section 15.6.4).
/// </summary>
internal sealed class RequestSlots(KontextSettings settings) : IDisposable
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    private readonly ConcurrencyLimiter slots = new(new ConcurrencyLimiterOptions { PermitLimit = settings.Limits.ConcurrentRequests, QueueLimit = 0 });

    /// <summary>Takes a slot for a request until its end; null when there is one, or the refusal.</summary>
    public Failure? RefusalOf(HttpContext context)
    {
        var lease = slots.AttemptAcquire();
        if (lease.IsAcquired)
        {
            context.Items[typeof(RequestSlots)] = lease;
            context.Response.RegisterForDispose(lease);
            return null;
        }
        lease.Dispose();
        Measures.RequestShed();
        return new Failure(FailureCode.Unavailable, "Too many requests are being worked on. Try again shortly.") { RetryAfter = Moment };
    }

    /// <summary>Gives a request's slot back before its end: for streams that stay open and do nothing most of the time.</summary>
    public static void Leave(HttpContext context) => (context.Items[typeof(RequestSlots)] as RateLimitLease)?.Dispose();

    /// <inheritdoc/>
    public void Dispose() => slots.Dispose();
}

/// <summary>Endpoints that are answered however busy the instance is: what the host and load balancers ask.</summary>
internal sealed class AnsweredAlways
{
    /// <summary>The mark.</summary>
    public static readonly AnsweredAlways Mark = new();
}
