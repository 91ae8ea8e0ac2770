"""The programs of docs/connect.md that need pandas, polars or DuckDB read all rows."""

from __future__ import annotations

import pytest
from tests.live.test_snippets import DEMO, snippets

PROGRAMS = list(snippets("py"))


def test_programs_are_found():
    assert len(PROGRAMS) == 3


@pytest.mark.parametrize(("page", "program"), PROGRAMS)
def test_a_program_reads_all_rows(gateway, page, program):
    names: dict[str, object] = {}
    exec(compile(program.replace(DEMO, gateway.origin), page, "exec"), names)
    assert len(names["rows"]) == int(gateway.get("Message/$count").body)
