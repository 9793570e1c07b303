namespace Kontext.Load.Scale;

/// <summary>What became of the refreshes.</summary>
/// <param name="Instances">Instances that take messages.</param>
/// <param name="Providers">How many providers the connections are spread over.</param>
/// <param name="Refreshed">Refreshes in the time that was looked at.</param>
/// <param name="Late">Those that ended after the token had.</param>
/// <param name="LeadMedian">Seconds before the token's end, median.</param>
/// <param name="LeadWorst">Seconds before the token's end of the latest; negative when it was too late.</param>
/// <param name="Backlog">The most messages that waited.</param>
/// <param name="Requeued">Messages that went back because the provider's share was taken.</param>
/// <param name="QueuePeak">The most messages sent in a second.</param>
/// <param name="IndexPeak">The most writes in a second to the day's partition of the index of due notes.</param>
/// <param name="TablePeak">The most table operations in a second.</param>
public sealed record WalkOutcome(int Instances, int Providers, long Refreshed, long Late, double LeadMedian, double LeadWorst, int Backlog, long Requeued, int QueuePeak, int IndexPeak, int TablePeak);

/// <summary>
/// The walk over due refreshes as the product does it (RefreshSweep, RefreshWork, RefreshFiling): each minute one timer hands over what is due, 24 at a time;
/// each instance works on 32 messages and lets eight at a time through to one provider; what waits five seconds for that goes back for five.
/// </summary>
public sealed class RefreshWalkSimulation(int connections, int instances, int providers)
{
    private const double Life = 3600;
    private const double Lead = 360;
    private const double Budget = 50;
    private const int HandOvers = 24;
    private const int Slots = 32;
    private const int Share = 8;
    private const double Patience = 5;
    private const double NextTurn = 5;
    private const double WarmUp = 600;
    private const double Looked = 1800;

    private readonly Chance chance = new(1);
    private readonly PriorityQueue<Action, double> events = new();
    private readonly PriorityQueue<int, double> due = new();
    private readonly double[] ends = new double[connections];
    private readonly Queue<int> waiting = new();
    private readonly int[] free = [.. Enumerable.Repeat(Slots, instances)];
    private readonly int[,] taken = new int[instances, providers];
    private readonly Dictionary<(int, int), Queue<(int Connection, double Until)>> held = [];
    private readonly Queue<int> idle = new();
    private readonly int[] queuePerSecond = new int[(int)(WarmUp + Looked) + 120];
    private readonly int[] indexPerSecond = new int[(int)(WarmUp + Looked) + 120];
    private readonly int[] tablePerSecond = new int[(int)(WarmUp + Looked) + 120];
    private readonly List<float> leads = [];
    private double now;
    private double sweepEnds;
    private int handing;
    private int backlog;
    private long requeued;

    /// <summary>Runs ten minutes to settle and half an hour to look at.</summary>
    public WalkOutcome Run()
    {
        for (var connection = 0; connection < connections; connection++)
        {
            // As if it had gone on for ever: each is somewhere in its token's life.
            ends[connection] = Lead + (chance.Next() * Life);
            due.Enqueue(connection, DueOf(connection));
        }
        for (var instance = 0; instance < instances; instance++)
        {
            for (var slot = 0; slot < Slots; slot++)
                idle.Enqueue(instance);
        }
        for (var minute = 0.0; minute < WarmUp + Looked; minute += 60)
            events.Enqueue(Sweep, minute);
        while (events.TryDequeue(out var next, out var at) && at < WarmUp + Looked)
        {
            now = at;
            next();
        }
        leads.Sort();
        var looked = (int)WarmUp..(int)(WarmUp + Looked);
        return new WalkOutcome(instances, providers, leads.Count, leads.Count(lead => lead < 0), leads.Count == 0 ? 0 : leads[leads.Count / 2], leads.Count == 0 ? 0 : leads[0],
            backlog, requeued, queuePerSecond[looked].Max(), indexPerSecond[looked].Max(), tablePerSecond[looked].Max());
    }

    private double DueOf(int connection) => ends[connection] - (Lead * (1 + (chance.Next() / 2)));

    private void Sweep()
    {
        sweepEnds = now + Budget;
        while (handing < HandOvers && HandOver())
        {
        }
    }

    // Note for later, its index, message, and the note that was found.
    private bool HandOver()
    {
        if (now >= sweepEnds || !due.TryPeek(out var connection, out var at) || at > now)
            return false;
        due.Dequeue();
        handing++;
        var took = chance.Around(Assumptions.TableSeconds) + chance.Around(Assumptions.TableSeconds) + chance.Around(Assumptions.QueueSeconds) + chance.Around(Assumptions.TableSeconds);
        Count(tablePerSecond, 3);
        Count(indexPerSecond, 1);
        events.Enqueue(() =>
        {
            handing--;
            Put(connection);
            HandOver();
        }, now + took);
        return true;
    }

    private void Put(int connection)
    {
        Count(queuePerSecond, 1);
        waiting.Enqueue(connection);
        Take();
        if (now >= WarmUp)
            backlog = Math.Max(backlog, waiting.Count);
    }

    private void Take()
    {
        while (waiting.Count > 0 && idle.TryDequeue(out var instance))
            Begin(instance, waiting.Dequeue());
    }

    private void Begin(int instance, int connection)
    {
        var provider = connection % providers;
        if (taken[instance, provider] < Share)
        {
            Refresh(instance, provider, connection);
            return;
        }
        if (!held.TryGetValue((instance, provider), out var line))
            held[(instance, provider)] = line = new Queue<(int, double)>();
        var until = now + Patience;
        line.Enqueue((connection, until));
        events.Enqueue(() =>
        {
            if (line.Count == 0 || line.Peek().Until > now)
                return;
            line.Dequeue();
            requeued++;
            idle.Enqueue(instance);
            events.Enqueue(() => Put(connection), now + NextTurn);
            Take();
        }, until);
    }

    private void Refresh(int instance, int provider, int connection)
    {
        taken[instance, provider]++;
        var took = chance.Around(Assumptions.ProviderSeconds);
        for (var operation = 0; operation < Assumptions.TableOperationsOfRefresh; operation++)
            took += chance.Around(Assumptions.TableSeconds);
        events.Enqueue(() =>
        {
            Count(tablePerSecond, Assumptions.TableOperationsOfRefresh);
            Count(indexPerSecond, 1);
            if (now >= WarmUp)
                leads.Add((float)(ends[connection] - now));
            ends[connection] = now + Life;
            due.Enqueue(connection, DueOf(connection));
            taken[instance, provider]--;
            if (held.TryGetValue((instance, provider), out var line) && line.TryDequeue(out var next))
                Refresh(instance, provider, next.Connection);
            else
                idle.Enqueue(instance);
            if (held.TryGetValue((instance, provider), out var rest) && rest.Count == 0)
                held.Remove((instance, provider));
            Take();
        }, now + took);
    }

    private void Count(int[] perSecond, int amount) => perSecond[Math.Min((int)now, perSecond.Length - 1)] += amount;
}
