"""T17: callers with roles, over policies as Supabase's documentation writes them, and ten thousand hostile queries: no foreign row, and no answer
changes when foreign rows change."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter

import asyncpg
import pytest
from tests.harness import supabase
from tests.harness.cluster import Cluster
from tests.harness.figures import amount, record
from tests.harness.inside import Answer, in_step, inside
from tests.harness.intruder import Intruder
from tests.harness.supabase import ADA, EVE, write_tokens
from tests.harness.ways import WAYS, way_of

QUERIES = amount(10_000, 50_000)
CALLERS = ("ada", "reports of seven", "nobody", None)
CHANGES = (
    "UPDATE todos SET title = 'changed ' || id, effort = id, done = NOT done WHERE tenant_id = 9",
    "UPDATE notes SET body = 'changed ' || id WHERE tenant_id = 9",
    "UPDATE profiles SET username = 'changed' WHERE tenant_id = 9",
    "UPDATE tenants SET name = 'changed' WHERE id = 9",
    "UPDATE salaries SET amount = amount + 1",
    "UPDATE profiles SET email = 'changed' || email",
    "UPDATE news SET title = 'changed' WHERE draft",
    "INSERT INTO todos SELECT 1000 + n, '99999999-9999-4999-8999-999999999999', 9, 'changed', true, n FROM generate_series(1, 40) AS n",
    "DELETE FROM notes WHERE tenant_id = 9 AND id % 3 = 0",
)
"""Every row that none of the callers may see."""


def digest(answer: Answer) -> bytes:
    return hashlib.sha256(repr((answer.status, answer.headers, answer.broken)).encode() + answer.body).digest()


def test_t17_roles_see_no_foreign_row_and_nothing_of_them(own_cluster, tmp_path):
    cluster: Cluster = own_cluster(tcp=True)
    supabase.load(cluster)
    cluster.psql(
        supabase.DATABASE, "DROP VIEW all_titles; CREATE VIEW all_titles WITH (security_invoker = true) AS SELECT id, title FROM todos"
    )
    cluster.psql(supabase.DATABASE, "GRANT SELECT ON all_titles TO authenticated")
    tokens = write_tokens(tmp_path / "tokens.toml")
    made = [(Intruder(f"t17 roles {n}").query(), way_of(n), CALLERS[n % len(CALLERS)]) for n in range(QUERIES)]
    variables = {
        "ODATA_MODEL": str(supabase.MODEL),
        "ODATA_ANON_ROLE": "anon",
        "ODATA_TOKENS_FILE": str(tokens.path),
        "ODATA_POOL_MAX": "4",
    }
    statuses: Counter[int] = Counter()
    shown: list[Answer] = []

    async def answers(running) -> list[Answer]:
        def asking(text: str, way: str, name: str | None):
            return lambda: running.ask(text, tokens[name] if name else None, way=way)

        return await in_step([asking(*each) for each in made], 4)

    async def run() -> tuple[list[bytes], list[bytes]]:
        async with inside(supabase.dsn(cluster), **variables) as running:
            before = []
            for (text, _, name), answer in zip(made, await answers(running), strict=True):
                statuses[answer.status] += 1
                assert answer.status < 500 or answer.status == 501, (text, answer.body)
                look(text, name, answer)
                before.append(digest(answer))
            asked = [lambda text=text: running.ask(text, tokens["service"]) for text, _, _ in made[:1000]]
            shown.extend(answer for answer in await in_step(asked, 4) if b"foreign " in answer.body and answer.status == 200)
            owner = await asyncpg.connect(supabase.dsn(cluster, user="postgres"))
            for change in CHANGES:
                await owner.execute(change)
            await owner.close()
            return before, [digest(answer) for answer in await answers(running)]

    before, after = asyncio.run(run())
    changed = [made[n][0] for n, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert changed[:5] == []
    assert len(shown) > 100, "whoever has BYPASSRLS sees foreign rows"
    assert statuses[200] > QUERIES / 4, statuses
    record("T17", "hostile queries of callers with roles", QUERIES, how="sum", at_least=10_000)
    assert {way for _, way, _ in made} == set(WAYS)


def look(text: str, name: str | None, answer: Answer) -> None:
    """No text that only foreign rows have, except in what repeats the request."""
    body = answer.body.decode(errors="replace")
    if answer.status != 200:
        return
    assert EVE not in body or EVE in text, (text, body[:500])
    assert "foreign " not in body, (text, body[:500])
    if name == "nobody":
        assert ADA not in body or ADA in text
    assert "@acme.example" not in body and "News 6" not in body, text


@pytest.mark.parametrize("seed", ["a", "b"])
def test_t17_the_same_seed_makes_the_same_queries(seed):
    assert [Intruder(seed).query() for _ in range(3)] == [Intruder(seed).query() for _ in range(3)]
