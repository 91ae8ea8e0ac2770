"""The examples of docs/, sent to the gateway.

What docs/odata.md says is supported answers, what it says is not answers 501, deviations answer
as their rows say, and requests of docs/errors.md fail with their codes and bodies.
"""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ODATA = (ROOT / "docs" / "odata.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


def rows(text, table):
    """The rows of every table with this mark, as lists of cells."""
    found = []
    for part in text.split(f"<!-- {table} -->\n")[1:]:
        lines = part.partition("\n\n")[0].splitlines()[2:]
        found += [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return found


def spans(cell):
    return re.findall(r"`([^`]+)`", cell)


def examples(table):
    return [example for row in rows(ODATA, table) for example in spans(row[-1])]


BODIES = re.findall(r"`([^`]+)` is\n\n```json\n(.*?)```", ERRORS, re.DOTALL)
DEVIATIONS = rows(ODATA, "deviations")
SENT = [row for row in DEVIATIONS if spans(row[1])]


def test_all_tables_are_found():
    assert len(examples("supported")) >= 47 and len(examples("unsupported")) >= 15
    assert len(DEVIATIONS) >= 40 and len(SENT) >= 35 and len(rows(ERRORS, "examples")) >= 15
    assert len(BODIES) == ERRORS.count("```json") >= 3


def test_every_row_has_an_example():
    assert all(len(row) == 2 and spans(row[1]) for t in ("supported", "unsupported") for row in rows(ODATA, t))
    unsent = [row for row in DEVIATIONS if row not in SENT]
    assert all(re.search(r"\]\(\.\./tests/", row[-1]) for row in unsent)


@pytest.mark.parametrize("target", examples("supported"))
def test_a_supported_example_is_answered(gateway, target):
    reply = gateway.get(target)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("target", examples("unsupported"))
def test_an_unsupported_example_is_refused_and_named(gateway, target):
    reply = gateway.get(target)
    assert reply.status == 501, reply.body
    assert reply.json()["error"]["code"].startswith("Unsupported."), reply.body


@pytest.mark.parametrize("row", SENT, ids=lambda row: spans(row[1])[0])
def test_a_deviation_is_answered_as_its_row_says(gateway, row):
    target, *headers = spans(row[1])
    reply = gateway.get(target, headers=dict(header.split(": ", 1) for header in headers))
    status, texts = row[2].partition(",")[0], spans(row[2])
    assert str(reply.status) == status, reply.body
    head = "\n".join(f"{name}: {value}" for name, value in reply.headers.items()).lower()
    body = reply.body.decode()
    assert [text for text in texts if text.lower() not in head and text not in body] == []


@pytest.mark.parametrize("row", rows(ERRORS, "examples"), ids=lambda row: spans(row[0])[0])
def test_an_example_of_an_error_has_its_code(gateway, row):
    ((target,), (code,)) = (spans(cell) for cell in row)
    assert gateway.get(target).json()["error"]["code"] == code


@pytest.mark.parametrize(("target", "body"), BODIES, ids=[target for target, _ in BODIES])
def test_the_body_of_an_error_is_as_it_is_shown(gateway, target, body):
    shown, found = json.loads(body), gateway.get(target).json()
    assert re.fullmatch("[0-9a-f]{16}", shown["error"]["innererror"].pop("request_id"))
    found["error"]["innererror"].pop("request_id")
    assert found == shown
