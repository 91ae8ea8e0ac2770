"""P16: how a gateway without a model starts over a large schema; `python -m tests.bench.large_schema` tells more of it.

The first database has the size of MusicBrainz: 371 tables, 2,400 columns, 762 foreign keys, a row in each table. The second has 500
tables without a key. The figures beside it: what a check of the model takes that finds nothing new, and how long small requests take
at rest and while a new column is found.

Measured on two cores that other programs used too: 371 sets in 1.3 to 1.6 s with 67 MB, 500 sets without a key in 1.9 to 3.1 s with
66 MB; a check takes 0.1 s of processor time.
"""

from __future__ import annotations

import http.client
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target
from tests.harness.cluster import Cluster
from tests.harness.gateway import Gateway, start_gateway

TABLES, COLUMNS, KEYS, KEYLESS = 371, 2_400, 762, 500
_TYPES = ("text", "int4", "timestamptz", "numeric(10, 2)", "bool", "uuid", "varchar(40)", "date")


def musicbrainz() -> Iterator[str]:
    """The statements that make the tables, each with a key, its foreign keys and columns of other types."""
    others = COLUMNS - TABLES - KEYS
    for number in range(TABLES):
        keys = KEYS * (number + 1) // TABLES - KEYS * number // TABLES
        plain = others * (number + 1) // TABLES - others * number // TABLES
        columns = [f"t{(number * 7 + each * 13 + each * each) % TABLES}_{each}_id int4" for each in range(keys)]
        columns += [f"c{each} {_TYPES[(number + each) % len(_TYPES)]}" for each in range(plain)]
        yield f"CREATE TABLE large.t{number} (id int4 PRIMARY KEY, {', '.join(columns)});"
        yield f"COMMENT ON TABLE large.t{number} IS 'The table of number {number}'; INSERT INTO large.t{number} (id) VALUES (1);"
    for number in range(TABLES):
        keys = KEYS * (number + 1) // TABLES - KEYS * number // TABLES
        for each in range(keys):
            column = f"t{(number * 7 + each * 13 + each * each) % TABLES}_{each}_id"
            yield f"ALTER TABLE large.t{number} ADD FOREIGN KEY ({column}) REFERENCES large.{column.partition('_')[0]};"


def keyless() -> Iterator[str]:
    """The statements that make tables without a key."""
    for number in range(KEYLESS):
        yield f"CREATE TABLE keyless.t{number} (a int4, b text, c timestamptz, d numeric); INSERT INTO keyless.t{number} VALUES (1);"


def started(dsn: str, schema: str) -> tuple[Gateway, float]:
    """A gateway over a schema, and the seconds from its start to its first answer."""
    began = time.perf_counter()
    gateway = start_gateway(ODATA_DSN=dsn, ODATA_MODEL="auto", ODATA_SCHEMAS=schema, ODATA_MODEL_CHECK_S="2", ODATA_LOG_LEVEL="warning")
    assert gateway.get("t1/$count", token=None).status == 200
    return gateway, time.perf_counter() - began


def resident_mb(gateway: Gateway) -> float:
    """The resident memory of a process (proc(5), VmRSS)."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def cpu_s(gateway: Gateway) -> float:
    """The processor time of a process (proc(5), utime and stime in hundredths of a second)."""
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def slowest_s(gateway: Gateway, target: str, during_s: float) -> float:
    """The longest that one of many small requests takes, one after another on one connection."""
    connection, slowest, end = http.client.HTTPConnection("127.0.0.1", gateway.port), 0.0, time.perf_counter() + during_s
    while (began := time.perf_counter()) < end:
        connection.request("GET", f"/v1.0/odata/{target}")
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        slowest = max(slowest, time.perf_counter() - began)
    connection.close()
    return slowest


def auto_model(bench: Bench) -> list[Figure]:
    """P16: from the start to the first answer, with MusicBrainz's number of tables."""
    taken_s, memory_mb = [], []
    with Cluster.start() as cluster:
        cluster.psql("postgres", "CREATE SCHEMA large;" + "".join(musicbrainz()) + "ANALYZE;")
        for _ in range(bench.rounds):
            gateway, start_s = started(cluster.dsn(database="postgres"), "large")
            with gateway:
                taken_s.append(start_s)
                memory_mb.append(resident_mb(gateway))
    what = f"{TABLES} tables without a model: first answer after start, s"
    return [Figure("P16", "gateway", what, tuple(taken_s), Target(2)), Figure("P16", "gateway", "memory then, MB", tuple(memory_mb))]


def main() -> None:
    with Cluster.start() as cluster:
        cluster.psql("postgres", "CREATE SCHEMA large; CREATE SCHEMA keyless;" + "".join([*musicbrainz(), *keyless()]) + "ANALYZE;")
        dsn = cluster.dsn(database="postgres")
        for schema in ("large", "keyless"):
            gateway, start_s = started(dsn, schema)
            with gateway:
                first_mb = resident_mb(gateway)
                metadata = gateway.get("$metadata", token=None)
                before = cpu_s(gateway)
                time.sleep(12)  # five checks or so, which find nothing new
                check_s = (cpu_s(gateway) - before) / 5
                sets = len(gateway.get("", token=None).json()["value"])
                at_rest_s = slowest_s(gateway, "t1?$top=1", 1.0)
                cluster.psql("postgres", f"ALTER TABLE {schema}.t2 ADD COLUMN added int4")
                in_change_s = slowest_s(gateway, "t1?$top=1", 6.0)
                assert b"added" in gateway.get("$metadata", token=None).body
                print(
                    f"{schema}: {sets} sets, started in {start_s:.2f} s with {first_mb:.0f} MB; $metadata has {len(metadata.body):,} bytes;"
                    f" {resident_mb(gateway):.0f} MB after it; a check takes {check_s:.2f} s of processor time;"
                    f" the slowest small request {at_rest_s * 1000:.0f} ms, and {in_change_s * 1000:.0f} ms while a new column is found",
                    file=sys.stdout,
                )


if __name__ == "__main__":
    main()
