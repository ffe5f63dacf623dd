using System.Text;

namespace I2V.ModelBuilder.Packages;

/// <summary>The licence of packages that hold nobody else's weights.</summary>
internal static class ProductLicense
{
    public const string Identifier = "Apache-2.0";

    private const string License = """
        The graphs of this package are written by I2V.ModelBuilder and belong to I2V.Distributed.

        Copyright the I2V.Distributed authors. Licensed under the Apache License, Version 2.0; you may not use this package
        except in compliance with the License, a copy of which is at https://www.apache.org/licenses/LICENSE-2.0. Unless
        required by applicable law or agreed to in writing, it is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR
        CONDITIONS OF ANY KIND, either express or implied.

        """;

    public static byte[] Text() => Encoding.UTF8.GetBytes(License.ReplaceLineEndings("\n"));
}
