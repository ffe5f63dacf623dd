using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace I2V.Gateway.Database.Migrations;

[DbContext(typeof(JobsDb))]
[Migration("0002_fit")]
internal sealed class M0002Fit : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(SqlScript.Read("0002_fit.sql"));
}
