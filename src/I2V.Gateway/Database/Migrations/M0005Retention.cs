using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace I2V.Gateway.Database.Migrations;

[DbContext(typeof(JobsDb))]
[Migration("0005_retention")]
internal sealed class M0005Retention : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(SqlScript.Read("0005_retention.sql"));
}
