"""The programs of docs/connect.md that need pandas, polars, DuckDB or R read all rows."""

from __future__ import annotations

import subprocess

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


def test_r_reads_all_rows(gateway):
    ((_, program),) = snippets("r")
    shown = "cat(nrow(rows), ncol(rows), class(rows$id), sum(rows$id))"
    command = ["Rscript", "-e", f"{program.replace(DEMO, gateway.origin)}\n{shown}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    ids = [row["id"] for page in gateway.pages("Message?$select=id") for row in page]
    names = gateway.get("Message?$top=1&$format=application/json;odata.metadata=none").json()["value"][0]
    assert done.stdout.split() == [str(len(ids)), str(len(names)), "integer", str(sum(ids))]
