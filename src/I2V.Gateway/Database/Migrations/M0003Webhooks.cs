using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace I2V.Gateway.Database.Migrations;

[DbContext(typeof(JobsDb))]
[Migration("0003_webhooks")]
internal sealed class M0003Webhooks : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(SqlScript.Read("0003_webhooks.sql"));
}
