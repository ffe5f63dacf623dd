namespace I2V.Protocol.Bus;

/// <summary>
/// "Something waits in this lane." Which job a worker gets is decided when it asks the gateway, so a ticket that is lost,
/// doubled or late costs latency and never an outcome.
/// </summary>
public sealed record WorkTicket(string Lane);
