"""The condition for the rows behind a row: its form as a table, and on Postgres, for every order and every row, that no row is lost or doubled."""

from __future__ import annotations

import itertools

import asyncpg
import pytest
from odata_gateway.plan.tree.relation import Column, OrderKey
from odata_gateway.sql.fragment import finish
from odata_gateway.sql.paging.keyset import after, bounded_after, equals, key_texts, order_by
from odata_gateway.sql.relation import Relations
from odata_gateway.types.primitive import INT32

EXPRESSIONS = Relations(many_accounts=False).expressions


def key(name, *, nullable=False, descending=False):
    return OrderKey(Column(0, name, "int4", INT32, nullable), descending)


ID, ID_DOWN = key("id"), key("id", descending=True)
A, A_DOWN = key("a"), key("a", descending=True)
NULLABLE, NULLABLE_DOWN = key("a", nullable=True), key("a", nullable=True, descending=True)


def text(sql):
    """SQL with short names for its columns and values."""
    found = finish(sql).text.replace("t0.", "").replace('"', "")
    for number in (1, 2):
        found = found.replace(f"(SELECT ${number}::text::int4)", f"v{number}")
    return found


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ((ID,), " ORDER BY id"),
        ((NULLABLE, ID), " ORDER BY a NULLS FIRST, id"),
        ((NULLABLE_DOWN, ID), " ORDER BY a DESC NULLS LAST, id"),
        ((A_DOWN, ID_DOWN), " ORDER BY a DESC, id DESC"),
    ],
)
def test_nulls_are_named_only_where_there_can_be_some(order, expected):
    assert text(order_by(order, EXPRESSIONS)) == expected


@pytest.mark.parametrize(
    ("order", "mask", "expected"),
    [
        # all in one direction, and no null ahead: a row comparison
        ((ID,), (False,), "((id) > (v1))"),
        ((A, ID), (False, False), "((a, id) > (v1, v2))"),
        ((A_DOWN, ID_DOWN), (False, False), "((a, id) < (v1, v2))"),
        ((NULLABLE, ID), (False, False), "((a, id) > (v1, v2))"),
        # descending, nulls are ahead
        ((NULLABLE_DOWN, ID_DOWN), (False, False), "((a <= v1 AND (a < v1 OR (id < v2))) OR a IS NULL)"),
        ((NULLABLE_DOWN, ID_DOWN), (True, False), "(a IS NULL AND (id < v1))"),
        ((NULLABLE, ID), (True, False), "(a IS NOT NULL OR (id > v1))"),
        # two directions
        ((A, ID_DOWN), (False, False), "(a >= v1 AND (a > v1 OR (id < v2)))"),
        ((A_DOWN, ID), (False, False), "(a <= v1 AND (a < v1 OR (id > v2)))"),
    ],
)
def test_the_condition_has_no_branch_for_what_cannot_be(order, mask, expected):
    assert text(after(order, mask, EXPRESSIONS)) == expected


def test_several_tables_need_a_bound_for_each_column():
    assert text(bounded_after((A, ID), (False, False), EXPRESSIONS)) == "(a >= v1 AND (a > v1 OR (id > v2)))"


def test_columns_that_agree_are_left_out():
    assert text(after((A, ID), (False, False), EXPRESSIONS, (0, 1))) == "((a, id) > (v1, v2))"


def test_a_row_is_found_by_its_key():
    assert text(equals(0, NULLABLE, EXPRESSIONS, is_null=True)) == "a IS NULL"
    assert text(equals(0, ID, EXPRESSIONS, is_null=False)) == "id = $1::text::int4"


# --- on Postgres --------------------------------------------------------------------------------------------------------------

ROWS = [(n, a, b) for n, (a, b) in enumerate(itertools.product((None, 1, 2), (None, 1, 2, 3)), 1)]
VALUES = ", ".join(f"({id_}, {'NULL' if a is None else a}, {'NULL' if b is None else b})" for id_, a, b in ROWS)
TABLE = f"(VALUES {VALUES.replace('NULL', 'NULL::int4')}) AS t0 (id, a, b)"
ORDERS = [
    (key(first, nullable=True, descending=x), key(second, nullable=True, descending=y), key("id", descending=z))
    for first, second in (("a", "b"), ("b", "a"))
    for x, y, z in itertools.product((False, True), repeat=3)
]


@pytest.mark.parametrize("form", [after, bounded_after])
async def test_the_rows_behind_each_row_are_those_that_follow_it(dsn, form):
    connection = await asyncpg.connect(dsn)
    try:
        for order in ORDERS:
            shown = finish(order_by(order, EXPRESSIONS)).text
            texts = ", ".join(f"{finish(sql).text} AS k{i}" for i, sql in enumerate(key_texts(order, EXPRESSIONS)))
            rows = await connection.fetch(f"SELECT t0.id, {texts} FROM {TABLE}{shown}")
            assert len(rows) == len(ROWS)
            for place, (_, *keys) in enumerate(map(tuple, rows), 1):
                condition = finish(form(order, tuple(k is None for k in keys), EXPRESSIONS))
                values = [keys[slot.index] for slot in condition.slots]
                found = await connection.fetch(f"SELECT t0.id FROM {TABLE} WHERE {condition.text}{shown}", *values)
                assert [row["id"] for row in found] == [row["id"] for row in rows[place:]], (order, keys)
    finally:
        await connection.close()
