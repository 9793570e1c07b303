using Kontext.Testing;

[assembly: AssemblyFixture(typeof(AzuriteFixture))]

// Each test starts processes of its own; two cores are soon spoken for.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
