"""The checklist itself: each of its rows is named by a test of this folder, so that none gets lost.

A test is named after its row, or after several: `test_h29_...`, `test_p13_to_p16_and_p23_...`.
"""

import re
from pathlib import Path

ROWS = {
    "a": 18, "b": 17, "c": 20, "d": 11, "e": 16, "f": 30, "g": 25, "h": 37, "i": 14, "j": 24, "k": 19, "l": 9, "m": 10, "n": 5, "o": 14,
    "p": 23, "x": 8,
}  # fmt: skip
"""Rows by area: service document and metadata, versions, formats, payloads, context URLs, paths, options, operators, functions, $select
and $expand, order and paging, preferences, errors, ETags, $batch, $apply, clients."""


def test_every_row_of_the_checklist_is_named_by_a_test():
    named = {row for path in Path(__file__).parent.glob("test_*.py") for row in rows_named(path.read_text())}
    assert named == {f"{area}{number:02d}" for area, count in ROWS.items() for number in range(1, count + 1)}


def rows_named(text):
    """The rows in the names of a module's tests."""
    for name in re.findall(r"def test((?:_(?:to_|and_)?[a-z]\d\d(?=_))+)", text):
        row = ""
        for joint, area, number in re.findall(r"_(to_|and_)?([a-z])(\d\d)", name):
            first = int(row[1:]) + 1 if joint == "to_" else int(number)
            for each in range(first, int(number) + 1):
                row = f"{area}{each:02d}"
                yield row


def test_names_of_several_rows_are_read():
    assert list(rows_named("def test_p13_to_p16_and_p23_x():\ndef test_a01_b02_y():")) == ["p13", "p14", "p15", "p16", "p23", "a01", "b02"]
