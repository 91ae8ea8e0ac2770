"""Golden cases: the SQL is as written in the file, and Postgres runs it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest
from tests.harness import cases

FILES = sorted(cases.FOLDER.glob("*.case"))


@pytest.fixture
async def reader(reader_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(reader_dsn)
    yield connection
    await connection.close()


def plain(value: Any) -> Any:
    """An argument as JSON has it, for comparison."""
    return orjson.loads(orjson.dumps(value, default=str))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_case_is_compiled_as_written_and_runs(reader, path):
    case = cases.read(path)
    found = cases.compiled(case.request, case.accounts, case.after, case.row_format, case.model)
    statements = {name: (text, plain(arguments)) for name, (text, arguments) in found.items()}
    if os.environ.get("ODATA_UPDATE_CASES"):
        cases.write(path, replace(case, statements=statements))
        case = cases.read(path)
    assert statements == case.statements
    for text, arguments in found.values():
        for record in await reader.fetch(text, *arguments):
            if isinstance(record[0], bytes) and "/$value" not in case.request:
                assert isinstance(orjson.loads(b"[%b]" % record[0]), list)


def test_there_are_cases_and_each_says_what_it_is_about():
    assert len(FILES) >= 30
    assert all(cases.read(path).comment.startswith("# ") for path in FILES)


def test_breaking_sql_into_lines_can_be_undone():
    text = """SELECT ' FROM ' || E'\\' WHERE ' FROM a WHERE b = 'it''s FROM ' AND EXISTS (SELECT 1 FROM c)"""
    assert cases.broken(text).replace("\n", " ") == text
    assert cases.broken(text).count("\n") == 4
