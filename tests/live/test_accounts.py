"""Row policies of the model over columns of every comparable type, with accounts that come from claims."""

from __future__ import annotations

import json

import pytest
from odata_gateway.types.account import ACCOUNT_TYPES
from tests.harness.inside import inside
from tests.harness.own_model import document, entity
from tests.harness.supabase import write_tokens

ONE, TWO = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
COLUMNS = {
    "int4": ("7", "9"),
    "int8": ("7", "9"),
    "int2": ("7", "9"),
    "text": ("a", "b'\"\\"),
    "varchar": ("a", "Ä"),
    "bpchar": ("a", "b"),
    "uuid": (ONE, TWO),
}


def script() -> str:
    statements = ["CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader"]
    for kind, (one, two) in COLUMNS.items():
        values = ", ".join(f"({n}, '{v.replace(chr(39), chr(39) * 2)}')" for n, v in enumerate((one, two, one), 1))
        pg_type = "char(3)" if kind == "bpchar" else kind
        statements.append(
            f"CREATE TABLE own.{kind}_rows (id int PRIMARY KEY, account {pg_type}); INSERT INTO own.{kind}_rows VALUES {values}, (4, NULL)"
        )
        statements.append(
            f"CREATE TABLE own.{kind}_members (row_id int, account {pg_type}); INSERT INTO own.{kind}_members SELECT id, account FROM own.{kind}_rows"
        )
    return ";".join([*statements, "GRANT SELECT ON ALL TABLES IN SCHEMA own TO odata_reader"])


def types() -> dict:
    found = {}
    for kind in COLUMNS:
        found[f"{kind.title()}Row"] = entity("id", {"id": "Int32"}, f"{kind}_rows", Account="account")
        member = entity("id", {"id": "Int32"}, f"{kind}_rows")
        del member["@Gateway.Unscoped"]
        member["@Gateway.Membership"] = {"Table": f"own.{kind}_members", "Member": "row_id", "Column": "id", "Account": "account"}
        found[f"{kind.title()}Member"] = member
    return found


@pytest.fixture
async def program(tmp_path, cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, script())
    model = document(types())
    del model["Own"]["Service"]["@Gateway.Tokens"]
    (tmp_path / "model.json").write_text(json.dumps(model))
    entries = {
        "one": (None, {"tenants": ["7", "a", ONE]}),
        "two": (None, {"tenants": [9, "Ä", "b", "b'\"\\", TWO.upper()]}),
        "both": (None, {"tenants": [7, 9, "a", "Ä", "b", "b'\"\\", ONE, TWO]}),
        "wrong": (None, {"tenants": "no such account' OR true --"}),
        "odd": (None, {"tenants": [2**80, -1, "7.0", " 7", "", "\u0000", "٧", "{7}", ONE.replace("-", "")]}),
        "single": (None, {"tenants": 7}),
    }
    tokens = write_tokens(tmp_path / "tokens.toml", entries)
    variables = {"ODATA_MODEL": str(tmp_path / "model.json"), "ODATA_TOKENS_FILE": str(tokens.path), "ODATA_ACCOUNTS_CLAIM": "tenants"}
    async with inside(scratch_reader_dsn, **variables) as running:
        yield running, tokens


async def ids(running, target, token):
    answer = await running.ask(target, token)
    assert answer.status == 200, answer.body
    return [row["id"] for row in answer.json()["value"]]


async def test_rows_are_those_of_the_accounts_in_the_claims(program):
    running, tokens = program
    for kind in COLUMNS:
        for suffix in ("Row", "Member"):
            target = f"{kind.title()}{suffix}s?$orderby=id"
            assert await ids(running, target, tokens["one"]) == [1, 3], target
            assert await ids(running, target, tokens["two"]) == [2], target
            assert await ids(running, target, tokens["both"]) == [1, 2, 3], target
            assert await ids(running, target, tokens["wrong"]) == [], target
            assert await ids(running, target, tokens["odd"]) == [], target
            assert await ids(running, target, tokens["single"]) == ([1, 3] if "int" in kind else []), target


def test_every_type_is_among_them():
    assert set(COLUMNS) == set(ACCOUNT_TYPES)


@pytest.mark.parametrize(
    ("kind", "account", "argument"),
    [
        ("int4", 7, 7),
        ("int4", "7", 7),
        ("int8", "-9223372036854775808", -(2**63)),
        ("int8", 2**63, None),
        ("int8", "99999999999999999999", None),
        ("int8", "7 ", None),
        ("int8", "٧", None),
        ("text", 7, "7"),
        ("text", "a\0", None),
        ("text", "\ud800", None),
        ("text", "a\nb", "a\nb"),
        ("uuid", "x", None),
        ("uuid", 7, None),
        ("uuid", "{" + ONE + "}", None),
    ],
)
def test_what_is_not_a_value_of_the_column_equals_nothing(kind, account, argument):
    assert ACCOUNT_TYPES[kind].argument(account) == argument
