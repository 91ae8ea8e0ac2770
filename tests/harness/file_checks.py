"""Asks for a query as a file, has readers read it, and compares with the oracle's rows or with those of JSON, value by value."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.harness.inside import Answer, Inside
from tests.harness.read_back import READERS, Reader, value_of
from tests.oracle import type_values
from tests.oracle.file_queries import FileQuery

ALL_ROWS = "maxpagesize=100000"
BEYOND = b"a value that is beyond its types"


async def asked(gateway: Inside, query: FileQuery, format_name: str, prefer: str = "") -> Answer:
    """The answer as a file, also out of a batch: in JSON, what is neither text nor JSON is base64url (JSON Format 19.2)."""
    answer = await gateway.ask(query.in_format(format_name), query.token, {"Prefer": ALL_ROWS + prefer}, way=query.way)
    types = [text for name, text in answer.headers if name.lower() == "content-type"]
    if query.way != "json batch" or answer.status != 200 or types[0].startswith(("text/", "application/json")):
        return answer
    return replace(answer, body=urlsafe_b64decode(answer.body + b"=" * (-len(answer.body) % 4)))


async def json_rows(gateway: Inside, query: FileQuery) -> list[dict[str, Any]] | None:
    """The rows as JSON has them; None where arithmetic made a number that its type does not hold."""
    answer = await asked(gateway, replace(query, way="url"), "application/json;odata.metadata=none")
    if query.may_fail and answer.status == 400:
        return None
    if query.is_single and answer.status == 204:
        return []
    assert (answer.status, answer.broken) == (200, ""), (query.target, answer.body[:600])
    found = type_values.parsed(answer.body)
    rows = [found] if query.is_single else found["value"]
    if list(query.members) == ["value"]:
        rows = [{"value": each} for each in rows]
    assert "@odata.nextLink" not in found
    return [{name: value_of(row[name], shape) for name, shape in query.members.items()} for row in rows]


async def check(gateway: Inside, query: FileQuery, format_name: str, readers: Sequence[Reader] | None = None, prefer: str = "") -> bool:
    """Compare a file with the rows; False where there is none, because arithmetic made a number that its type, or the format, does not hold."""
    answer = await asked(gateway, query, format_name, prefer)
    if format_name in query.refused:
        assert (answer.status, answer.code) == (406, "Url.Format"), (query.target, answer.body[:600])
        return True
    if query.may_fail and (answer.status == 400 or BEYOND in answer.body[:300]):
        return False
    rows = query.rows if query.rows is not None else await json_rows(gateway, query)
    if rows is None:
        return False
    if query.is_single and not rows:
        assert answer.status == 204, (query.target, answer.body[:600])
        return True
    assert (answer.status, answer.broken) == (200, ""), (query.target, answer.body[:600], answer.broken)
    for reader in READERS[format_name] if readers is None else readers:
        wrong = reader.wrong(answer.body, query.members, rows, is_ordered=query.is_ordered)
        assert not wrong, (query.target, format_name, wrong[:5])
    return True
