"""Claims by their path, as accounts, and as the text that policies read."""

import json

import pytest
from odata_gateway.identity.claims import accounts_in, claim_at, claims_text

CLAIMS = {
    "role": "authenticated",
    "tenant": 7,
    "tenants": ["a", 2, None, "a", {"x": 1}, True],
    "realm_access": {"roles": ["admin"], "my.role": "x"},
    "https://example.com/role": "namespaced",
    "a.b": "whole",
    "a": {"b": "parts"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("role", "authenticated"),
        ("realm_access.roles", ["admin"]),
        ('realm_access."my.role"', "x"),
        ("https://example.com/role", "namespaced"),
        ('"https://example.com/role"', "namespaced"),
        ("a.b", "whole"),
        ("role.x", None),
        ("none.at.all", None),
        ("tenants.0", None),
        ("tenants[1]", 2),
        ("tenants[6]", None),
        ("tenants[4].x", 1),
        ("realm_access.roles[0]", "admin"),
        ("realm_access[0]", None),
        (".realm_access.roles", ["admin"]),
        ('.realm_access."my.role"', "x"),
        ("__class__", None),
    ],
)
def test_a_claim_is_found_by_its_path(path, value):
    assert claim_at(CLAIMS, path) == value


@pytest.mark.parametrize(
    ("path", "accounts"),
    [("tenant", (7,)), ("tenants", ("a", 2)), ("role", ("authenticated",)), ("realm_access", ()), ("none", ()), ("", ())],
)
def test_accounts_are_texts_and_numbers(path, accounts):
    assert accounts_in(CLAIMS, path) == accounts


def test_policies_read_the_claims_as_json_with_the_role_that_is_used():
    text = claims_text({"sub": "ä'\\\u0000", "role": ["admin", "anon"]}, "anon")
    assert json.loads(text) == {"sub": "ä'\\\u0000", "role": "anon"}
    assert text.isascii() and "\n" not in text
