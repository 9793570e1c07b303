namespace Kontext.Functions.Triggers;

/// <summary>Work that is due again and again. Under the Functions host a timer function of the same name starts it; run alone, the <see cref="LocalScheduler"/> does.</summary>
internal interface ITimerTrigger
{
    /// <summary>The function's name: its folder under <c>host/</c>, which begins with <c>fn-</c> so that no HTTP route can spell it.</summary>
    string Name { get; }

    /// <summary>How often. The schedule in function.json says the same.</summary>
    TimeSpan Every { get; }

    /// <summary>
    /// Does what is due. Runs may overlap, on this instance and on others, and may be cut off anywhere: whatever is left is due again next time.
    /// </summary>
    Task RunAsync(CancellationToken cancellationToken);
}
