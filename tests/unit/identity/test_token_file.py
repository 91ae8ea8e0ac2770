"""A file of tokens: its entries, what is wrong with them, and what becomes of a token."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.errors import AuthInvalid
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.token_file import TokenFile, new_token, parse_token_file, read_token_file
from odata_gateway.identity.way_in import WayInError


class Roles(RoleDirectory):
    def __init__(self):
        super().__init__(None)

    async def fault(self, role):
        return "is a superuser" if role == "root" else None


def entry(token="secret", **members):
    lines = [
        f"{name} = {value}" for name, value in ({"name": '"a"', "sha256": f'"{sha256(token.encode()).hexdigest()}"'} | members).items()
    ]
    return "\n".join(["[[token]]", *lines, ""])


def file_of(tmp_path, *entries, accounts=""):
    (tmp_path / "tokens.toml").write_text("\n".join(entries), encoding="utf-8")
    return TokenFile(tmp_path / "tokens.toml", Roles(), accounts=accounts)


async def test_a_token_has_what_its_entry_says(tmp_path):
    tokens = file_of(
        tmp_path,
        entry("one", role='"reporting"', claims="{ tenant = 7, of = ['a', 'b'], deep = { x = true } }"),
        entry("two", name='"b"'),
        entry("drei ü", name='"c"', claims="{ role = 'x' }"),
    )
    one = await tokens.caller("one")
    assert (one.subject, one.role, json.loads(one.claims)) == (
        "a",
        "reporting",
        {"tenant": 7, "of": ["a", "b"], "deep": {"x": True}, "role": "reporting"},
    )
    assert await tokens.caller("two") == Caller("b")
    assert (await tokens.caller("drei ü")).claims == '{"role":"x"}'
    for unknown in ("One", "one ", "", "x", sha256(b"one").hexdigest()):
        assert await tokens.caller(unknown) is None


async def test_a_token_expires(tmp_path):
    past, future = (datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (-1, 60))
    tokens = file_of(tmp_path, entry("old", expires=past.isoformat()), entry("new", name='"b"', expires=future.isoformat()))
    with pytest.raises(AuthInvalid, match="'a' has expired"):
        await tokens.caller("old")
    assert (await tokens.caller("new")).subject == "b"


async def test_accounts_come_from_the_claims_and_must_be_there(tmp_path):
    tokens = file_of(tmp_path, entry("one", claims="{ app = { tenants = [1, 'x', 1] } }"), accounts="app.tenants")
    assert (await tokens.caller("one")).accounts == (1, "x")
    with pytest.raises(WayInError, match="token 'a': claims must have an account in app.tenants"):
        file_of(tmp_path, entry("one", claims="{ app = 1 }"), accounts="app.tenants")


async def test_nobody_comes_this_way_where_no_token_can_be_used(tmp_path):
    assert "no token of" in await file_of(tmp_path).fault()
    assert "the role 'root' is a superuser" in await file_of(tmp_path, entry(role='"root"')).fault()
    assert "has expired" in await file_of(tmp_path, entry(expires="2020-01-01T00:00:00Z")).fault()
    assert await file_of(tmp_path, entry(role='"root"'), entry("b", name='"b"')).fault() is None


async def test_a_file_that_is_wrong_leaves_the_tokens_as_they_were(tmp_path):
    tokens = file_of(tmp_path, entry("one"))
    assert tokens.read_again() is False
    for text in ("[[token", "x = 1", "token = 1", "[token]\nname='a'", entry("one", roles='"x"'), entry("one") * 2):
        (tmp_path / "tokens.toml").write_text(text)
        with pytest.raises(WayInError):
            tokens.read_again()
        assert (await tokens.caller("one")).subject == "a"
    (tmp_path / "tokens.toml").write_bytes(b"\xff")
    with pytest.raises(WayInError, match="is not UTF-8"):
        tokens.read_again()
    (tmp_path / "tokens.toml").unlink()
    with pytest.raises(WayInError, match="cannot be read"):
        tokens.read_again()
    (tmp_path / "tokens.toml").write_text(entry("two"))
    assert tokens.read_again() is True
    assert await tokens.caller("one") is None


def test_all_mistakes_are_told_at_once(tmp_path):
    text = '[[token]]\nsha256 = "00"\nclaim = 1\n\n[[token]]\nname = "b"\nexpires = 2027-01-01T00:00:00\nclaims = { x = nan }\nrole = 7\n'
    with pytest.raises(WayInError) as caught:
        parse_token_file(text, tmp_path / "t.toml")
    assert [mistake.partition(": ")[2] for mistake in caught.value.mistakes] == [
        "token number 1: 'claim' is not known; did you mean 'claims'?",
        "token number 1: name must be a printable text",
        "token number 1: sha256 must be 64 hexadecimal digits",
        "token 'b': sha256 must be 64 hexadecimal digits",
        "token 'b': expires must be a time with an offset, such as 2027-01-31T00:00:00Z",
        "token 'b': role must be the name of a role",
        "token 'b': claims must be a table of texts, numbers, truth values, arrays and tables",
    ]


@pytest.mark.parametrize(
    ("name", "role", "claims", "days"),
    [
        ("plain", None, None, None),
        ('q"\\\t\x7f', 'r"', {}, 1),
        ("ä日\U0001f600", "x", {"a b": [1, 2.5, True, "\U0001f600\n\\"], "": {"c.d": {}}}, 3650),
    ],
)
def test_a_new_entry_says_what_was_asked_for(tmp_path, name, role, claims, days):
    made = new_token(name, role, claims, days=days)
    [written] = tomllib.loads(made.entry)["token"]
    assert (written["name"], written.get("role"), written.get("claims")) == (name, role, claims)
    assert written["sha256"] == sha256(made.token.encode()).hexdigest() and made.token not in made.entry
    assert ("expires" in written) is (days is not None)
    assert len({new_token(name, role, claims, days=days).token for _ in range(100)}) == 100
    if name.isprintable():
        (tmp_path / "t.toml").write_text(made.entry, encoding="utf-8")
        assert read_token_file(tmp_path / "t.toml")[0].caller.subject == name


def test_a_null_is_no_claim_of_toml():
    with pytest.raises(ValueError, match="no null"):
        new_token("a", None, {"x": None}, days=None)
