"""P1, P2 and P4: whole collections. The rows of the export are compared with the baseline's before anything is timed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.bench.bench import Bench
from tests.bench.client import Export, Http, export
from tests.bench.figures import Figure, Target, ratios
from tests.bench.meter import Used
from tests.bench.servers import GIANT, Running

TIME = "'\"' || to_char({0}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') || '\"'"
TEXT = "coalesce(to_json({0})::text, 'null')"
NUMBER = "coalesce({0}::text, 'null')"
CELLS = {
    "id": "id::text", "content": TEXT, "account_id": "account_id::text", "inbox_id": "inbox_id::text", "conversation_id": "conversation_id::text",
    "message_type": "message_type::text", "created_at": TIME, "updated_at": TIME, "private": NUMBER, "status": NUMBER, "source_id": TEXT,
    "content_type": "content_type::text", "content_attributes": "coalesce(to_json(content_attributes #>> '{{}}')::text, 'null')",
    "sender_type": TEXT, "sender_id": NUMBER, "external_source_ids": "coalesce(to_json(external_source_ids #>> '{{}}')::text, 'null')",
}  # fmt: skip
"""The JSON that a person would write by hand for exactly these columns, as cheap as it can be and still right."""

SAMPLE = 1000
EXPORTS, PAGES_OF_EACH = 50, 2


def by_hand(rows: int | None = None) -> str:
    """COPY of every message that the administrator of accounts 1 to 3 may see."""
    cells = " || ',".join(f'"{name}":\' || {cell.format(name)}' for name, cell in CELLS.items())
    limit = "" if rows is None else f" LIMIT {rows}"
    return f"COPY (SELECT '{{{cells} || '}}' FROM public.messages WHERE account_id = ANY ('{{1,2,3}}') ORDER BY id{limit}) TO STDOUT"


def check_same_rows(bench: Bench, gateway: Running) -> None:
    """Two ways of writing the same rows are worth comparing only if they write the same."""
    done = subprocess.run(
        [bench.database.psql, "-X", "-q", "-d", bench.database.dsn, "-c", by_hand(SAMPLE)], capture_output=True, text=True, check=True
    )
    expected = [json.loads(line.replace("\\\\", "\\")) for line in done.stdout.splitlines()]
    given = json.loads(Http(gateway).get(f"Message?$top={SAMPLE}", keep=True).body)["value"]
    if expected != given:
        differing = next((pair for pair in zip(expected, given, strict=False) if pair[0] != pair[1]), (len(expected), len(given)))
        raise SystemExit(f"the gateway's rows differ from those by hand: {differing}")


def check_complete(bench: Bench, gateway: Running) -> Export:
    """One export with every row looked at: each id once, in order. Its pages are what the timed ones are compared with."""
    http, ids, link, found = Http(gateway), [], "Message", Export()
    while link:
        page = http.get(link, keep=True)
        body = json.loads(page.body)
        ids += [row["id"] for row in body["value"]]
        found.links.append(link)
        found.size += page.size
        link = body.get("@odata.nextLink", "")
    if ids != list(range(1, bench.rows + 1)):
        raise SystemExit(f"the export has {len(ids)} rows, not {bench.rows}, or not in order")
    return found


def _rounds(bench: Bench, work: Callable[[Running, Export], None]) -> tuple[list[Used], dict[str, list[Used]]]:
    """By hand and every gateway in turn, in each round."""
    gateways = bench.gateways()
    whole = {}
    for gateway in gateways:
        check_same_rows(bench, gateway)
        whole[gateway.name] = check_complete(bench, gateway)
    hand: list[Used] = []
    measured: dict[str, list[Used]] = {gateway.name: [] for gateway in gateways}
    for _ in range(bench.rounds):
        hand.append(bench.psql(by_hand()))
        for gateway in gateways:
            with bench.meter(gateway) as used:
                work(gateway, whole[gateway.name])
            measured[gateway.name].append(used)
    return hand, measured


def _figures(
    bench: Bench, name: str, hand: list[Used], measured: dict[str, list[Used]], limits: tuple[Target, Target | None]
) -> list[Figure]:
    walls = [used.wall for used in hand]
    figures = [
        Figure(name, "psql COPY", "wall, s", tuple(walls)),
        Figure(name, "psql COPY", "Postgres CPU, s", tuple(used.postgres for used in hand)),
        Figure(name, "psql COPY", "CPU of other programs, s", tuple(used.others for used in hand)),
    ]
    for gateway in bench.gateways():
        who, taken = gateway.name, measured[gateway.name]
        figures += [
            Figure(name, who, "wall / psql COPY", ratios([used.wall for used in taken], walls), limits[0]),
            Figure(name, who, "gateway CPU, us a row", tuple(used.server / bench.rows * 1e6 for used in taken), limits[1]),
            Figure(name, who, "Postgres CPU / psql COPY's", ratios([used.postgres for used in taken], [used.postgres for used in hand])),
            Figure(name, who, "wall, s", tuple(used.wall for used in taken)),
            Figure(name, who, "rows a second", tuple(bench.rows / used.wall for used in taken)),
            Figure(name, who, "peak memory, MB", tuple(used.peak_mb for used in taken)),
            Figure(name, who, "peak - idle, MB", tuple(used.peak_mb - gateway.idle_mb for used in taken), Target(48)),
            Figure(name, who, "CPU of other programs, s", tuple(used.others for used in taken)),
        ]
    return figures


def plain(bench: Bench) -> list[Figure]:
    """P1."""

    def work(gateway: Running, whole: Export) -> None:
        found = export(Http(gateway), "Message")
        if len(found.pages) != len(whole.links) or abs(found.size - whole.size) > whole.size / 1000:  # chunks of HTTP fall differently
            raise SystemExit(f"an export of {found.size} bytes, {whole.size} expected")

    hand, measured = _rounds(bench, work)
    return _figures(bench, "P1", hand, measured, (Target(1.25), Target(1.2)))


def packed(bench: Bench) -> list[Figure]:
    """P2. The client asks for the pages it knows already, and unpacks nothing: that would be its own work, not the gateway's."""

    def work(gateway: Running, whole: Export) -> None:
        http = Http(gateway, gzip=True)
        size = sum(http.get(link).size for link in whole.links)
        if size > whole.size / 2:
            raise SystemExit(f"{size} bytes with gzip, {whole.size} without")

    hand, measured = _rounds(bench, work)
    return _figures(bench, "P2", hand, measured, (Target(1.8), None))


def memory(bench: Bench) -> list[Figure]:
    """P4: fifty exports at once, and a row of 100 MB; the single export is measured with P1."""
    figures = []
    for gateway in bench.gateways():
        with bench.meter(gateway) as used, ThreadPoolExecutor(EXPORTS) as pool:
            failed = sum(pool.map(lambda _, g=gateway: _some_pages(g), range(EXPORTS)))
        figures += [
            Figure("P4", gateway.name, f"{EXPORTS} exports at once ({PAGES_OF_EACH} pages each): peak, MB", (used.peak_mb,), Target(256)),
            Figure("P4", gateway.name, f"{EXPORTS} exports at once: failed", (failed,), Target(0)),
        ]
        with bench.meter(gateway) as used:
            page = Http(gateway, token=GIANT).get("Message")
        if page.status != 200 or page.size < 100_000_000:
            raise SystemExit(f"the row of 100 MB: {page.status}, {page.size} bytes")
        figures.append(Figure("P4", gateway.name, "a row of 100 MB: peak - idle, MB", (used.peak_mb - gateway.idle_mb,)))
    return figures


def _some_pages(gateway: Running) -> int:
    try:
        export(Http(gateway), "Message", most_pages=PAGES_OF_EACH)
    except (SystemExit, OSError):
        return 1
    return 0
