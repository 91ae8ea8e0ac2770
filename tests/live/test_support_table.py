"""README's support table, sent to the gateway: what it says is supported answers, what it says is not answers 501."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def examples(table):
    rows = README.partition(f"<!-- {table} -->")[2].partition("\n\n")[0].splitlines()[3:]
    return [example for row in rows for example in re.findall(r"`([^`]+)`", row.rpartition(" | ")[2])]


def test_both_tables_are_found():
    assert len(examples("supported")) >= 20 and len(examples("unsupported")) >= 9


@pytest.mark.parametrize("target", examples("supported"))
def test_a_supported_example_is_answered(gateway, target):
    reply = gateway.get(target)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("target", examples("unsupported"))
def test_an_unsupported_example_is_refused_and_named(gateway, target):
    reply = gateway.get(target)
    assert reply.status == 501 and reply.json()["error"]["code"].startswith("Unsupported."), reply.body
