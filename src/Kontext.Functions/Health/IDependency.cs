namespace Kontext.Functions.Health;

/// <summary>Something Kontext cannot work without. Every registered one is asked by <c>/readyz</c>.</summary>
internal interface IDependency
{
    /// <summary>Its name in the answer: one word, such as <c>storage</c>.</summary>
    string Name { get; }

    /// <summary>Completes when it answers us as it should; throws when it does not. It changes nothing and is cheap: it may be asked every two seconds.</summary>
    Task ProbeAsync(CancellationToken cancellationToken);
}
