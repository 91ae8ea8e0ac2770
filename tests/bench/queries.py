"""P7, P9 and P10: single queries of the kinds that BI tools send."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Sequence

from tests.bench.bench import Bench
from tests.bench.client import Http
from tests.bench.figures import Figure, Target, ratios
from tests.bench.plans import Plan, explained
from tests.bench.servers import ADMIN_OF_ALL, ADMIN_OF_ONE, Running

REPEATS = 15
EXPANDED = "Conversation?$top=100&$expand=messages($top=5),assignee,inbox"

DAY = "created_at ge 2021-06-01T00:00:00Z and created_at lt 2021-06-02T00:00:00Z"
FILTERS = (
    f"Message?$filter={DAY}&$select=id",
    "Message?$filter=updated_at gt 2022-12-30T00:00:00Z&$orderby=updated_at&$select=id",
    "Message?$filter=contains(content,'invoice')&$top=100&$select=id",
    "Message?$filter=conversation_id eq 5000&$select=id",
    "Message?$filter=inbox_id eq 9&$top=100&$select=id",
    "Message?$filter=sender_type eq 'User' and sender_id eq 77&$top=100&$select=id",
    "Message?$filter=conversation_id in ({})&$select=id".format(",".join(str(3 * n) for n in range(1, 1001))),
    "Message?$filter=conversation/status eq 1&$top=100&$select=id",
    "Conversation?$filter=assignee_id eq 63&$select=id",
    "Conversation?$filter=status eq 0 and created_at ge 2022-12-01T00:00:00Z&$top=100&$select=id",
)
EXECUTIONS = 8
"""More than the five after which Postgres may change to a generic plan."""


def expanded(bench: Bench) -> list[Figure]:
    """P7: one statement, and its time over HTTP beside its time in psql."""
    figures = []
    for (name, checkout), gateway in zip(bench.checkouts.items(), bench.gateways(), strict=True):
        for token, who in ((ADMIN_OF_ONE, "one account"), (ADMIN_OF_ALL, "three accounts")):
            with explained(bench, checkout) as plans:
                taken = [] if plans is None else plans.ask(EXPANDED, token=token)
            http = Http(gateway, token=token)
            over_http, by_hand = [], []
            for _ in range(bench.rounds):
                over_http.append(_median(http, EXPANDED))
                if taken:
                    by_hand.append(_psql_seconds(bench, taken[0]))
            figures.append(Figure("P7", name, f"{who}: over HTTP, ms", tuple(seconds * 1e3 for seconds in over_http)))
            if taken:
                figures += [
                    Figure("P7", name, f"{who}: statements", (len(taken),), Target(1)),
                    Figure("P7", name, f"{who}: in psql, ms", tuple(seconds * 1e3 for seconds in by_hand)),
                    Figure("P7", name, f"{who}: over HTTP / in psql", ratios(over_http, by_hand), Target(1.3)),
                ]
    return figures


def _median(http: Http, target: str) -> float:
    pages = [http.get(target) for _ in range(REPEATS)]
    if any(page.status != 200 for page in pages):
        raise SystemExit(f"{target}: {pages[0].tail[-500:]!r}")
    return statistics.median(page.seconds for page in pages)


def _psql_seconds(bench: Bench, plan: Plan) -> float:
    """The same statement, prepared, with the same arguments and the session settings that matter."""
    arguments = ", ".join(re.findall(r"\$\d+ = ('(?:[^']|'')*'|NULL)", plan.arguments))
    run = f"EXECUTE asked ({arguments});" if arguments else "EXECUTE asked;"
    script = (
        f"SET jit = off;\nSET search_path = pg_catalog, pg_temp;\nPREPARE asked AS {plan.sql};\n\\o /dev/null\n\\timing on\n"
        + f"{run}\n" * REPEATS
    )
    done = subprocess.run(
        [bench.database.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", bench.database.owner_dsn],
        input=script,
        capture_output=True,
        text=True,
    )
    times = [float(ms) for ms in re.findall(r"Time: ([0-9.]+) ms", done.stdout)]
    if len(times) != REPEATS:
        raise SystemExit(f"psql: {done.stderr[-1000:]}")
    return statistics.median(times) / 1e3


def counted(bench: Bench) -> list[Figure]:
    """P9: `$count=true` beside the page, and the two by themselves."""
    figures, filtered = [], "$filter=status eq 1"
    page, count, both = f"Message?{filtered}&$top=1000", f"Message/$count?{filtered}", f"Message?{filtered}&$top=1000&$count=true"
    for gateway in bench.gateways():
        rounds = [[_some(gateway, target) for target in (page, count, both)] for _ in range(bench.rounds)]
        alone, counting, together = zip(*rounds, strict=True)
        figures += [
            Figure("P9", gateway.name, "page alone, ms", tuple(seconds * 1e3 for seconds in alone)),
            Figure("P9", gateway.name, "count alone, ms", tuple(seconds * 1e3 for seconds in counting)),
            Figure(
                "P9", gateway.name, "page with $count=true / the slower of the two", ratios(together, _slower(alone, counting)), Target(1.1)
            ),
        ]
    return figures


def _slower(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [max(pair) for pair in zip(one, other, strict=True)]


def _some(gateway: Running, target: str) -> float:
    return statistics.median(Http(gateway).get(target).seconds for _ in range(5))


def filtered(bench: Bench) -> list[Figure]:
    """P10: rows read for each filter, at the first execution and after some, when Postgres may have gone over to a generic plan."""
    figures = []
    for name, checkout in bench.checkouts.items():
        with explained(bench, checkout, ODATA_POOL_MAX="1") as plans:
            if plans is None:
                continue
            for token, who in ((ADMIN_OF_ONE, "one account"), (ADMIN_OF_ALL, "three accounts")):
                for target in FILTERS:
                    taken = [plans.ask(target, token=token)[0] for _ in range(EXECUTIONS)]
                    first, last = taken[0], taken[-1]
                    flip = "" if first.shape == last.shape else f" **then {last.shape}**"
                    what = f"{who}: `{target[:70]}`: {first.rows_read:,} rows read by {first.shape}{flip}; after {EXECUTIONS} executions / first"
                    figures.append(Figure("P10", name, what, ((last.rows_read + 1) / (first.rows_read + 1),), Target(1.15)))
    return figures
