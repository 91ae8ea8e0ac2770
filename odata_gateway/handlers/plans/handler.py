"""Answers requests for a plan: the statements of an answer with the types of their arguments, and
how Postgres finds the rows.

It is for the callers whom the operator names. The statements have the row policy of the caller and
run on the caller's session, so no row of others is read; but an estimate tells something about
rows that the caller may not see. In a plan, Postgres shows the values of the request and the
accounts of the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.session import Session
from odata_gateway.errors import AuthPlan
from odata_gateway.formats.json_encoding import json_encoding
from odata_gateway.formats.plan_encoding import PlanEncoding
from odata_gateway.handlers.collection import completed, page_extent
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.page_statements import PageStatements
from odata_gateway.handlers.request import DataRequest, reply_headers
from odata_gateway.protocol.message import Reply

_FIRST_ROWS = 1000
"""Rows of the statement of a page: a page of more rows has more statements of the same kind."""
_ARGUMENT = re.compile(r"\$(\d+)::([\w.]+(?:\[\])?|\"[^\"]+\"(?:\.\"[^\"]+\")?(?:\[\])?)")


class PlanHandler:
    """Answers from what Postgres says about the statements of a request.

    subjects  of the callers who may ask
    """

    def __init__(self, executor: QueryExecutor, subjects: tuple[str, ...]) -> None:
        self._executor = executor
        self._subjects = frozenset(subjects)

    async def answer(self, request: DataRequest, encoding: PlanEncoding) -> Reply:
        """The statements of the answer, and their plans."""
        if request.caller.subject not in self._subjects:
            raise AuthPlan(
                "this caller may not see plans",
                hint=f"add '{request.caller.subject}' to ODATA_PLAN_CALLERS to allow it",
            )
        variant = request.variant._replace(encoding=json_encoding(encoding.form))
        request = await completed(self._executor, request._replace(variant=variant))
        async with self._executor.session(request) as session:
            found = [
                {
                    "kind": kind,
                    "sql": statement.text,
                    "arguments": _argument_types(statement),
                    "plan": await _plan(session, statement, encoding),
                }
                for kind, statement in _statements(request)
            ]
        body = orjson.dumps({"analyzed": encoding.analyzes, "statements": found})
        return Reply(200, reply_headers(request, encoding.content_type), body)


def _statements(request: DataRequest) -> Iterator[tuple[str, BoundStatement]]:
    """What is sent for an answer, and the name of each."""
    query = request.compiled.query
    match query.form:
        case "count":
            yield "count", request.statement("rows")
        case "collection" | "references":
            page = PageStatements(request.compiled, request.variant, request.values())
            sent = 0 if request.continuation is None else request.continuation.sent
            extent = page_extent(request.compiled.url.number(query.top), sent, request.page_rows)
            yield "rows", page.rows(None, min(extent.rows, _FIRST_ROWS), lookahead=False)
            if request.is_counted:
                yield "count", page.count()
        case _:
            yield "rows", request.statement("rows")


async def _plan(session: Session, statement: BoundStatement, encoding: PlanEncoding) -> Any:
    """Postgres's plan of a statement: its JSON, or lines of text."""
    form = "TEXT" if encoding.as_text else "JSON"
    analyze = ", ANALYZE, BUFFERS" if encoding.analyzes else ""
    text = f"EXPLAIN (FORMAT {form}{analyze}) {statement.text}"
    rows = await session.fetch(BoundStatement(text, statement.arguments))
    return [row[0] for row in rows] if encoding.as_text else orjson.loads(rows[0][0])


def _argument_types(statement: BoundStatement) -> list[str]:
    """The type of each argument, in order; `unknown` where the statement leaves it to Postgres."""
    types = {int(number): name for number, name in reversed(_ARGUMENT.findall(statement.text))}
    return [types.get(n, "unknown") for n in range(1, len(statement.arguments) + 1)]
