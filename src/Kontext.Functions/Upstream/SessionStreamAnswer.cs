using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Upstream;

/// <summary>What comes in on a session's own stream, as an answer that has parts but no result.</summary>
internal sealed class SessionStreamAnswer(SessionStream.Listener listener, string? route) : McpAnswer
{
    public override bool IsError => false;

    public override string? ResultType => null;

    public override long TtlMs => 0;

    public override string? Route => route;

    public override long BytesIn => 0;

    public override long BytesOut => 0;

    public override async ValueTask<Result<AnswerPart>> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (listener.TryTake(out var message))
                return new AnswerPart(message.Question ? AnswerPartKind.Question : AnswerPartKind.Notification, message.Bytes, Last: false);
            await listener.WaitAsync(cancellationToken);
        }
    }

    public override ValueTask DisposeAsync()
    {
        listener.Dispose();
        return ValueTask.CompletedTask;
    }
}
