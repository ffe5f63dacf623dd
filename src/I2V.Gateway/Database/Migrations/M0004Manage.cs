using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace I2V.Gateway.Database.Migrations;

[DbContext(typeof(JobsDb))]
[Migration("0004_manage")]
internal sealed class M0004Manage : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(SqlScript.Read("0004_manage.sql"));
}
