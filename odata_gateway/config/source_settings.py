"""The settings of the database, as the first part of the table of settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from odata_gateway.config.readers import (
    dsn_url,
    each,
    existing_file,
    model_file,
    one_of,
    schema_name,
    seconds,
    switch_or_auto,
    whole_number,
)
from odata_gateway.config.setting import setting


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """The value of each of these settings."""

    dsn: str = setting(
        "database",
        "",
        dsn_url,
        "Postgres to read from, `postgresql://user:password@host:5432/database?sslmode=require`",
        secret=True,
    )
    model: Path | None = setting(
        "database",
        "",
        model_file,
        "CSDL JSON file with the model; `auto`: the tables and views of ODATA_SCHEMAS, as the"
        " database's catalog has them; empty: the built-in Live Agent model",
    )
    overlay: Path | None = setting(
        "database", "", existing_file, "TOML file with what the model `auto` is to say otherwise"
    )
    schemas: tuple[str, ...] = setting(
        "database",
        "public",
        each(schema_name),
        "schemas whose tables and views are served where ODATA_MODEL is `auto`, separated by"
        " commas; `*` for all but those of Postgres and of extensions",
    )
    model_check_s: float = setting(
        "database",
        "60",
        seconds(0, 86400),
        "time between checks of the model against the database; 0: at the start, after errors",
    )
    key_check_s: float = setting(
        "database",
        "5",
        seconds(0, 3600),
        "time for a query that looks for nulls and duplicates in a key that may have them; 0: none",
    )
    search_path: tuple[str, ...] = setting(
        "database",
        "",
        each(schema_name),
        "schemas in which functions of views and policies look for names, behind `pg_catalog`,"
        " separated by commas; empty: those of the DSN",
    )
    pool_max: int = setting(
        "database",
        "10",
        whole_number(1, 1000),
        "maximum number of database connections, of all server processes together",
    )
    pool_wait_s: float = setting(
        "database", "10", seconds(0, 600), "maximum wait for a free database connection"
    )
    statement_timeout_s: float = setting(
        "database", "60", seconds(0.1, 86400), "maximum run time of one SQL statement"
    )
    pooler: str = setting(
        "database",
        "auto",
        one_of("auto", "transaction", "none"),
        "whether a pooler in transaction mode, such as PgBouncer, is between gateway and "
        "Postgres: `transaction`, `none`, or `auto` to detect it",
    )
    sharded: str = setting(
        "database",
        "auto",
        switch_or_auto,
        "send only statements that go to one shard: `true`, `false`, or `auto` where Citus has "
        "distributed the tables by account (`sql/live_agent/citus.sql`)",
    )
