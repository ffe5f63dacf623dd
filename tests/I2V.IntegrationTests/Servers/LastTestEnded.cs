using I2V.IntegrationTests.Servers;

[assembly: AssemblyFixture(typeof(LastTestEnded))]

namespace I2V.IntegrationTests.Servers;

/// <summary>Ends the servers while the runner still waits for us; in the process's own end it would take them for threads that hang.</summary>
public sealed class LastTestEnded : IAsyncDisposable
{
    public async ValueTask DisposeAsync() => await TestFolder.EndAsync();
}
