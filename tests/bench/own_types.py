"""P13: rows in the order of a column and behind a value of it, for types that a model has as another type, beside psql."""

from __future__ import annotations

import json

from odata_gateway.demo.cluster import READER
from tests.bench.bench import Bench
from tests.bench.client import Http, export
from tests.bench.figures import Figure, Target, ratios
from tests.bench.meter import Used
from tests.bench.servers import ADMIN_OF_ALL, Running
from tests.bench.whole import TEXT as TEXT_CELL
from tests.bench.whole import TIME
from tests.harness import tokens
from tests.harness.gateway import start_gateway

ROWS = 100_000
TEXT = {"$Type": "Edm.String"}
TYPES: dict[str, tuple[str, str, dict[str, object]]] = {  # the type, a value of row n, the declaration
    "at": ("timestamptz", "timestamptz '2000-01-01Z' + n * interval '1 min'", {"$Type": "Edm.DateTimeOffset", "$Precision": 6}),
    "level": ("odd.level", "('l' || n % 10)::odd.level", TEXT),
    "mail": ("public.citext", "'Someone' || n || '@example.org'", TEXT),
    "code": ("char(8)", "n::text", TEXT),
    "ip": ("inet", "'10.0.0.0'::inet + n", TEXT),
}
SCRIPT = f"""
DROP SCHEMA IF EXISTS odd CASCADE; CREATE EXTENSION IF NOT EXISTS citext; CREATE SCHEMA odd; GRANT USAGE ON SCHEMA odd TO {READER};
CREATE TYPE odd.level AS ENUM ({", ".join(f"'l{number}'" for number in range(10))});
CREATE TABLE odd.odd (id int PRIMARY KEY, note text, {", ".join(f"{name} {kind} NOT NULL" for name, (kind, _, _) in TYPES.items())});
INSERT INTO odd.odd SELECT n, md5(n::text), {", ".join(value for _, value, _ in TYPES.values())} FROM generate_series(1, {ROWS}) AS g (n);
{"".join(f"CREATE INDEX ON odd.odd ({name}, id);" for name in TYPES)}
GRANT SELECT ON odd.odd TO {READER};
"""
CASES = {  # $filter and its SQL, by column: what lies behind the middle of the table
    "at": ("at gt 2000-02-04T17:20:00Z", "at > '2000-02-04T17:20:00Z'"),
    "level": ("level ge 'l5'", "level >= 'l5'"),
    "mail": ("mail gt 'SOMEONE5@example.org'", "mail > 'SOMEONE5@example.org'"),
    "code": ("code gt '5'", "code > '5'"),
    "ip": ("ip gt '10.0.195.80'", "ip > '10.0.195.80'"),
}


def own_types(bench: Bench) -> list[Figure]:
    """P13: 50,000 rows in the order of a column and behind a value of it, beside the same rows by psql."""
    bench.psql(SCRIPT, dsn=bench.database.owner_dsn)
    bench.psql("VACUUM ANALYZE odd.odd", dsn=bench.database.owner_dsn)
    path = bench.folder / "odd.json"
    path.write_text(json.dumps(_model()))
    figures: list[Figure] = []
    with start_gateway(ODATA_DSN=bench.database.dsn, ODATA_MODEL=str(path)) as gateway:
        running = Running("gateway", gateway.process, gateway.port, "/v1.0/odata/", ADMIN_OF_ALL, 0, 0)
        for name in TYPES:
            _asked(bench, running, name)
            rounds = [(_asked(bench, running, name), bench.psql(_by_hand(name))) for _ in range(bench.rounds)]
            ours, by_hand = zip(*rounds, strict=True)
            walls = [used.wall for used in ours], [used.wall for used in by_hand]
            cpu = [used.postgres for used in ours], [used.postgres for used in by_hand]
            figures += [
                Figure("P13", "gateway", f"{name}: wall, s", tuple(walls[0])),
                Figure("P13", "gateway", f"{name}: wall / psql COPY", ratios(*walls), Target(1.2)),
                Figure("P13", "gateway", f"{name}: Postgres CPU / psql COPY's", ratios(*cpu)),
            ]
    bench.psql("DROP SCHEMA odd CASCADE", dsn=bench.database.owner_dsn)
    return figures


def _model() -> dict[str, object]:
    columns = {name: declared for name, (_, _, declared) in TYPES.items()}
    kinds = {"$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "odd.odd", "@Gateway.Unscoped": True}
    entity = {**kinds, "id": {"$Type": "Edm.Int32"}, "note": TEXT, **columns}
    container = {"$Kind": "EntityContainer", **tokens.TABLES, "Odd": {"$Collection": True, "$Type": "Odd.Odd"}}
    return {"$Version": "4.01", "$EntityContainer": "Odd.Service", "Odd": {"Odd": entity, "Service": container}}


def _asked(bench: Bench, gateway: Running, name: str) -> Used:
    condition, _ = CASES[name]
    with bench.meter(gateway) as used:
        export(Http(gateway), f"Odd?$filter={condition}&$orderby={name},id&$select=id,note,{name}")
    return used


def _by_hand(name: str) -> str:
    """The same rows with JSON by hand, as P1 has it."""
    _, condition = CASES[name]
    cell = TIME if name == "at" else TEXT_CELL
    value = "code::text" if name == "code" else name  # as it is shown: without the blanks that fill it up
    cells = f"'{{\"id\":' || id::text || ',\"note\":' || {TEXT_CELL.format('note')} || ',\"{name}\":' || {cell.format(value)} || '}}'"
    settings = "SET search_path = odd, public; SET TimeZone = 'UTC'"
    return f"{settings}; COPY (SELECT {cells} FROM odd WHERE {condition} ORDER BY {name}, id) TO STDOUT"
