"""P3: the last page costs what the first one costs, whatever the order; in time, and in rows and buffers read."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from tests.bench.bench import Bench
from tests.bench.client import Http, export
from tests.bench.figures import Figure, Target
from tests.bench.plans import Explained, explained
from tests.bench.servers import ADMIN_OF_ALL, ADMIN_OF_ONE, Running

PAGES = 40
REPEATS = 5
CASES = (
    ("", "key order", ADMIN_OF_ONE),
    ("", "key order, three accounts", ADMIN_OF_ALL),
    ("$orderby=created_at", "created_at", ADMIN_OF_ONE),
    ("$orderby=created_at desc", "created_at desc", ADMIN_OF_ONE),
    ("$orderby=created_at", "created_at, three accounts", ADMIN_OF_ALL),
    ("$orderby=created_at desc", "created_at desc, three accounts", ADMIN_OF_ALL),
    ("$orderby=source_id", "nullable source_id", ADMIN_OF_ONE),
    ("$orderby=source_id desc", "nullable source_id desc", ADMIN_OF_ONE),
    ("$orderby=source_id", "nullable source_id, three accounts", ADMIN_OF_ALL),
    ("$orderby=source_id desc", "nullable source_id desc, three accounts", ADMIN_OF_ALL),
    ("$orderby=conversation/created_at", "conversation/created_at", ADMIN_OF_ONE),
)
LIMIT = Target(1.15)


@dataclass(frozen=True, slots=True)
class Ends:
    """A collection's first page and its last full one."""

    first: str
    last: str
    headers: str


def depth(bench: Bench) -> list[Figure]:
    figures = []
    for (name, checkout), gateway in zip(bench.checkouts.items(), bench.gateways(), strict=True):
        with explained(bench, checkout) as plans:
            for options, title, token in CASES:
                figures += _case(bench, name, gateway, plans, f"Message?$select=id,created_at&{options}".rstrip("&"), title, token)
            figures += _case(bench, name, gateway, plans, "Inbox(9)/messages?$select=id,created_at", "a navigation path", ADMIN_OF_ONE)
    return figures


def _case(bench: Bench, name: str, gateway: Running, plans: Explained | None, target: str, title: str, token: str) -> list[Figure]:
    http = Http(gateway, token=token)
    ends = _ends(http, target)
    times = [_times(http, ends) for _ in range(bench.rounds)]
    figures = [
        Figure("P3", name, f"{title}: first page, ms", tuple(first * 1e3 for first, _ in times)),
        Figure("P3", name, f"{title}: last / first page", tuple(last / first for first, last in times), LIMIT),
    ]
    if plans is None:
        return figures
    read = [plans.ask(link, token=token, headers=ends.headers) for link in (ends.first, ends.last)]
    rows, buffers = ([sum(getattr(plan, what) for plan in page) for page in read] for what in ("rows_read", "buffers"))
    return [
        *figures,
        Figure("P3", name, f"{title}: rows read, last / first page ({rows[0]:,} first; {read[1][-1].shape})", (rows[1] / rows[0],), LIMIT),
        Figure("P3", name, f"{title}: buffers, last / first page ({buffers[0]:,} first)", (buffers[1] / buffers[0],)),
    ]


def _ends(http: Http, target: str) -> Ends:
    """Walked in pages of a fortieth of the collection."""
    path, _, options = target.partition("?")
    filtered = "".join(f"?{option}" for option in options.split("&") if option.startswith("$filter"))
    counted = http.get(f"{path}/$count{filtered}", keep=True)
    headers = f"Prefer: odata.maxpagesize={int(counted.body) // PAGES}\r\n"
    links = export(http, target, headers=headers).links
    return Ends(links[0], links[PAGES - 1], headers)


def _times(http: Http, ends: Ends) -> tuple[float, float]:
    taken = [[http.get(link, headers=ends.headers).seconds for link in (ends.first, ends.last)] for _ in range(REPEATS)]
    first, last = zip(*taken, strict=True)
    return statistics.median(first), statistics.median(last)
