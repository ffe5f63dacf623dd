using System.Reflection;
using I2V.Gateway;
using I2V.Worker;
using Microsoft.Extensions.Logging;

namespace I2V.Tests;

/// <summary>An operator filters by event id: within a process each id means one thing, and its thousands digit one feature.</summary>
public sealed class EventIdTests
{
    public static TheoryData<string> Processes => new("I2V.Gateway", "I2V.Worker");

    [Theory]
    [MemberData(nameof(Processes))]
    public void Every_event_id_is_used_once(string process)
    {
        var messages = Messages(process);

        Assert.NotEmpty(messages);
        Assert.DoesNotContain(messages, message => message.Id <= 0);
        Assert.Empty(messages.GroupBy(message => message.Id).Where(group => group.Count() > 1).Select(group => string.Join(" and ", group)));
    }

    [Theory]
    [MemberData(nameof(Processes))]
    public void The_thousands_digit_says_the_feature(string process)
    {
        var features = Messages(process).Select(message => (Thousand: message.Id / 1000, message.Feature)).Distinct().ToArray();

        Assert.Equal(features.Select(feature => feature.Thousand).Distinct().Count(), features.Length);
        Assert.Equal(features.Select(feature => feature.Feature).Distinct().Count(), features.Length);
    }

    private static Message[] Messages(string process)
    {
        Assembly[] known = [typeof(GatewayHost).Assembly, typeof(WorkerProcess).Assembly];
        const BindingFlags all = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        return
        [
            .. from type in known.Single(assembly => assembly.GetName().Name == process).GetTypes()
               from method in type.GetMethods(all)
               let attribute = method.GetCustomAttribute<LoggerMessageAttribute>()
               where attribute is not null
               select new Message(attribute.EventId, type.Namespace!, $"{type.Name}.{method.Name}"),
        ];
    }

    private sealed record Message(int Id, string Feature, string Name);
}
