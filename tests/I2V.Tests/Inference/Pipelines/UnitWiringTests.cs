using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class UnitWiringTests
{
    private static readonly HashSet<string> Nobody = [];

    [Fact]
    public void Tensors_that_no_unit_makes_come_from_the_caller()
    {
        var wiring = new UnitWiring([Unit("a", ["x", "time"], ["p"]), Unit("b", ["p", "time"], ["y"])]);

        Assert.Equal(["time", "x"], wiring.Given.Order());
        Assert.Equal(["p", "y"], wiring.Made.Order());
    }

    [Fact]
    public void A_tensor_lives_from_the_unit_that_makes_it_to_the_last_that_takes_it()
    {
        var wiring = new UnitWiring(
        [
            Unit("a", ["x"], ["p", "q", "unused"]),
            Unit("b", ["p"], ["r"]),
            Unit("c", ["q", "r"], ["s"]),
            Unit("d", ["p", "s"], ["y"]),
        ]);

        Assert.Equal(["p", "q"], wiring.WantedOf(0, Nobody));
        Assert.Equal(["p", "unused"], wiring.WantedOf(0, new HashSet<string> { "unused", "p" }).Except(["q"]));
        Assert.Empty(wiring.EndingWith(0));
        Assert.Empty(wiring.EndingWith(1));
        Assert.Equal(["q", "r"], wiring.EndingWith(2));
        Assert.Equal(["p", "s"], wiring.EndingWith(3));
        Assert.Empty(wiring.WantedOf(3, Nobody));
        Assert.Equal(["y"], wiring.WantedOf(3, new HashSet<string> { "y" }));
    }

    [Fact]
    public void Sizes_of_all_units_are_derived_once()
    {
        var size = new GraphInput("shape:b", "shape", "b");
        var first = Unit("a", ["x"], ["p"]);
        var second = Unit("b", ["p"], ["y"]);

        var wiring = new UnitWiring([first with { Inputs = [.. first.Inputs, size] }, second with { Inputs = [.. second.Inputs, size] }]);

        Assert.Equal([size], wiring.Derived);
        Assert.Equal(["x"], wiring.Given);
        var error = Assert.Throws<FormatException>(
            () => new UnitWiring([first with { Inputs = [.. first.Inputs, size] }, second with { Inputs = [.. second.Inputs, size with { Formula = "f" }] }]));
        Assert.StartsWith("the units describe the input shape:b in two ways: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_that_is_made_twice_or_too_late_is_refused()
    {
        var twice = Assert.Throws<FormatException>(() => new UnitWiring([Unit("a", ["x"], ["p"]), Unit("b", ["x"], ["p"])]));
        var late = Assert.Throws<FormatException>(() => new UnitWiring([Unit("a", ["p"], ["q"]), Unit("b", ["q"], ["p"])]));

        Assert.Equal("the units a and b both make p", twice.Message);
        Assert.Equal("the unit b makes p, which it or a unit before it takes already", late.Message);
    }

    private static ComponentUnit Unit(string name, string[] inputs, string[] outputs) =>
        new(name, $"{name}.onnx", 0) { Inputs = [.. inputs.Select(input => new GraphInput(input, "tensor"))], Outputs = outputs };
}
