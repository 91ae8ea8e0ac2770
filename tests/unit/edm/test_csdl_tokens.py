"""The tables of access tokens, as the entity container of a model names them."""

from __future__ import annotations

import copy
import json

import pytest
from odata_gateway.edm.csdl import load_model, parse_model
from odata_gateway.edm.derive import with_secrets_exposed, with_types
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.edm.model import Table, TokenTables
from odata_gateway.identity.live_agent import lookup
from tests.harness import supabase, tokens

LIVE_AGENT = TokenTables(
    *(Table("public", "access_tokens"), "token", "owner_id", ("owner_type", "User"), Table("public", "users"), "id"),
    *(Table("public", "account_users"), "user_id", "account_id", "role"),
)


def document(**changed):
    whole = json.loads(supabase.MODEL.read_text())
    whole["App"]["Service"]["@Gateway.Tokens"] = copy.deepcopy(tokens.TABLES["@Gateway.Tokens"]) | changed
    return whole


def test_the_built_in_model_names_live_agents_tables():
    model = load_model()
    assert model.tokens == LIVE_AGENT == parse_model(document()).tokens
    assert with_secrets_exposed(model).tokens == with_types(model, {}).tokens == LIVE_AGENT
    assert load_model(supabase.MODEL).tokens is None


def test_the_statement_is_the_one_of_live_agent():
    assert lookup(LIVE_AGENT).replace('"', "").split() == [
        "SELECT",
        "u.id::int8",
        "AS",
        "user_id,",
        "ARRAY(SELECT",
        "DISTINCT",
        "m.account_id::int8",
        "FROM",
        "public.account_users",
        "AS",
        "m",
        "WHERE",
        "m.user_id",
        "=",
        "u.id",
        "AND",
        "m.account_id",
        "IS",
        "NOT",
        "NULL",
        "AND",
        "m.role",
        "=",
        "ANY",
        "($2::int4[])",
        "ORDER",
        "BY",
        "1)",
        "AS",
        "accounts",
        "FROM",
        "public.access_tokens",
        "AS",
        "t",
        "JOIN",
        "public.users",
        "AS",
        "u",
        "ON",
        "u.id",
        "=",
        "t.owner_id",
        "WHERE",
        "t.token",
        "=",
        "$1::text",
        "AND",
        "t.owner_type",
        "=",
        "E'User'",
    ]


def test_other_names_are_quoted_and_the_kind_may_be_left_out():
    changed = document(Tokens='my.odd "keys"', Kind={"k\"i'nd": "a'b\\c"})
    text = lookup(parse_model(changed).tokens)
    assert '"my"."odd ""keys""" AS t' in text and """t."k""i'nd" = E'a''b\\\\c'""" in text
    without = document()
    del without["App"]["Service"]["@Gateway.Tokens"]["Kind"]
    assert " = E'" not in lookup(parse_model(without).tokens)


@pytest.mark.parametrize(
    ("changed", "mistake"),
    [
        ({"Tokens": "keys"}, "Tokens: must be schema.table"),
        ({"Token": ""}, "Token: is empty"),
        ({"Token": 7}, "Token: must be a string"),
        ({"Role": "x" * 64}, "Role: Postgres cannot have this name"),
        ({"Kind": {}}, "Kind: must have one column with its value"),
        ({"Kind": {"a": "b", "c": "d"}}, "Kind: must have one column with its value"),
        ({"Kind": {"a": 7}}, "must be a string"),
        ({"Scope": "x"}, "Scope: is not a member of Tokens"),
    ],
)
def test_mistakes_are_told_with_their_place(changed, mistake):
    with pytest.raises(ModelError) as caught:
        parse_model(document(**changed))
    assert any(mistake in str(each) and "@Gateway.Tokens" in str(each) for each in caught.value.mistakes)


def test_only_an_object_in_a_container_is_one():
    wrong = document()
    wrong["App"]["Service"]["@Gateway.Tokens"] = []
    misplaced = document()
    misplaced["App"]["Todo"]["@Gateway.Tokens"] = {}
    for each in (wrong, misplaced):
        with pytest.raises(ModelError):
            parse_model(each)
