"""What a role costs: one entity by key, on one connection, as the connection's own role and as a role with claims, in turn.

`python -m tests.bench.roles` prints the medians. The same statement over the same table, with the same policy.
"""

from __future__ import annotations

import http.client
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.harness import supabase
from tests.harness.cluster import Cluster
from tests.harness.gateway import Gateway, start_gateway
from tests.harness.pgbouncer import PgBouncer

ROUNDS, REQUESTS = 10, 400
USER = "bench"
ENTRIES = {"own role": (None, None), "role and claims": ("anon", {"sub": supabase.ADA, "app_metadata": {"tenant": 7}})}


def seconds(gateway: Gateway, token: str, requests: int) -> list[float]:
    """How long each of some requests takes, one after another."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
    taken = []
    for _ in range(requests):
        began = time.perf_counter()
        connection.request("GET", "/v1.0/odata/news(3)", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        taken.append(time.perf_counter() - began)
        assert response.status == 200
    connection.close()
    return taken


def measured(dsn: str, folder: Path) -> dict[str, float]:
    """Medians in seconds, by who asks."""
    tokens = supabase.write_tokens(folder / "tokens.toml", ENTRIES)
    with start_gateway(
        ODATA_DSN=dsn, ODATA_MODEL=str(supabase.MODEL), ODATA_TOKENS_FILE=str(tokens.path), ODATA_LOG_LEVEL="warning"
    ) as gateway:
        found: dict[str, list[float]] = {name: [] for name in ENTRIES}
        for name in ENTRIES:
            seconds(gateway, tokens[name], REQUESTS)
        for _ in range(ROUNDS):
            for name in ENTRIES:
                found[name] += seconds(gateway, tokens[name], REQUESTS)
        return {name: median(taken) for name, taken in found.items()}


def main() -> None:
    with Cluster.start(tcp=True) as cluster, tempfile.TemporaryDirectory() as folder:
        supabase.load(cluster)
        cluster.psql(supabase.DATABASE, f"CREATE ROLE {USER} LOGIN; GRANT anon TO {USER}; GRANT SELECT ON news TO {USER}")
        shown = {"Postgres": measured(supabase.dsn(cluster, USER), Path(folder))}
        with PgBouncer(cluster, users=(USER,)) as bouncer:
            shown["PgBouncer"] = measured(bouncer.dsn(user=USER, database=supabase.DATABASE), Path(folder))
    for way, medians in shown.items():
        for name, median_s in medians.items():
            sys.stdout.write(f"{way:10} {name:16} {median_s * 1e6:7.0f} us a request\n")


if __name__ == "__main__":
    main()
