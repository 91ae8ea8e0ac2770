"""Callers by a file of access tokens, for programs that cannot log in, such as Excel and Tableau.

The file is TOML. It has the SHA-256 of each token and never a token, so whoever reads it cannot ask
with it; a token is 32 random bytes, so its hash cannot be turned round. `odata-gateway token` adds
an entry and shows the token once:

    [[token]]
    name = "reporting"                  # in logs; each name once
    sha256 = "5f70bf18a086007016e9..."  # of the token in UTF-8
    expires = 2027-01-31T00:00:00Z      # may be left out
    role = "reporting"                  # statements run as; without it: as the connection's role
    claims = { tenant = 7 }             # request.jwt.claims, for policies; may be left out
"""

from __future__ import annotations

import hmac
import json
import secrets
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.errors import AuthInvalid, nearest
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.claims import accounts_in, claims_text
from odata_gateway.identity.way_in import WayInError

_MEMBERS = ("name", "sha256", "expires", "role", "claims")
_PREFIX = "odata_"
"""What tokens that are made here begin with, so that programs which search for lost secrets find
them."""


@dataclass(frozen=True, slots=True)
class FileToken:
    """An entry of the file."""

    digest: bytes
    caller: Caller
    expires: datetime | None

    @property
    def has_expired(self) -> bool:
        return self.expires is not None and datetime.now(UTC) >= self.expires


class TokenFile:
    """The tokens of a file, as it was when it was read last.

    roles     says which of them may be used
    accounts  the path of the claim with the values for the model's row policies; empty: none
    raises    WayInError
    """

    name = "file of tokens"
    gives_roles = True

    def __init__(self, path: Path, roles: RoleDirectory, *, accounts: str = "") -> None:
        self._path = path
        self._roles = roles
        self._accounts = accounts
        self._key = secrets.token_bytes(32)
        self.tokens: tuple[FileToken, ...] = ()
        self._known: Mapping[bytes, FileToken] = {}
        self.read_again()

    @property
    def named_roles(self) -> frozenset[str]:
        """The roles of the tokens."""
        return frozenset(t.caller.role for t in self.tokens if t.caller.role is not None)

    def read_again(self) -> bool:
        """Use the file as it is now; whether it is another than before.

        raises  WayInError, and the tokens stay as they were
        """
        before, self.tokens = self.tokens, read_token_file(self._path, self._accounts)
        self._known = {self._keyed(token.digest): token for token in self.tokens}
        return before != self.tokens

    async def caller(self, token: str) -> Caller | None:
        """The caller whose token this is; None: it is not in the file.

        raises  AuthInvalid for one that has expired
        """
        digest = sha256(token.encode()).digest()
        # The time of a look-up by a keyed hash says nothing about the digests that are there.
        found = self._known.get(self._keyed(digest))
        if found is None or not hmac.compare_digest(found.digest, digest):
            return None
        if found.has_expired:
            raise AuthInvalid(f"the access token '{found.caller.subject}' has expired")
        return found.caller

    async def fault(self) -> str | None:
        """Why none of the tokens can be used now; None where one can."""
        reasons = [reason async for _, reason in self.token_faults()]
        if len(reasons) < len(self.tokens):
            return None
        return f"no token of {self._path} can be used" + (f": {reasons[0]}" if reasons else "")

    async def token_faults(self) -> AsyncIterator[tuple[FileToken, str]]:
        """The tokens that cannot be used now, each with the reason."""
        for token in self.tokens:
            role = token.caller.role
            if token.has_expired:
                yield token, "it has expired"
            elif role is not None and (fault := await self._roles.fault(role)) is not None:
                yield token, f"the role '{role}' {fault}"

    def _keyed(self, digest: bytes) -> bytes:
        return blake2b(digest, key=self._key, digest_size=16).digest()


def read_token_file(path: Path, accounts: str = "") -> tuple[FileToken, ...]:
    """The entries of a file.

    accounts  the path of the claim that each must have; empty: none
    raises    WayInError
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WayInError([f"{path} cannot be read: {error.strerror}"]) from None
    except ValueError:
        raise WayInError([f"{path} is not UTF-8"]) from None
    return parse_token_file(text, path, accounts)


def parse_token_file(text: str, path: Path, accounts: str = "") -> tuple[FileToken, ...]:
    """The entries of the text of a file; raises WayInError."""
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise WayInError([f"{path} is not TOML: {error}"]) from None
    entries = document.get("token", [])
    if set(document) - {"token"} or not _are_tables(entries):
        raise WayInError([f"{path} must have [[token]] entries and nothing else"])
    mistakes = [f"{path}: {mistake}" for mistake in _mistakes(entries, accounts)]
    if mistakes:
        raise WayInError(mistakes)
    return tuple(_token(entry, accounts) for entry in entries)


def _are_tables(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def _mistakes(entries: list[dict[str, Any]], accounts: str) -> Iterator[str]:
    names, digests = set[str](), set[str]()
    for number, entry in enumerate(entries, 1):
        name = entry.get("name")
        place = f"token '{name}'" if name and isinstance(name, str) else f"token number {number}"
        yield from (f"{place}: {mistake}" for mistake in _entry_mistakes(entry, accounts))
        digest = str(entry.get("sha256", "")).lower()
        if name in names:
            yield f"{place}: another entry has this name"
        if digest and digest in digests:
            yield f"{place}: another entry has this sha256"
        names.add(str(name))
        digests.add(digest)


def _entry_mistakes(entry: dict[str, Any], accounts: str) -> Iterator[str]:
    for member in entry:
        if member not in _MEMBERS:
            hint = nearest(member, _MEMBERS)
            yield f"'{member}' is not known" + (f"; {hint}" if hint else "")
    if not _is_text(entry.get("name")):
        yield "name must be a printable text"
    digest = entry.get("sha256")
    if not isinstance(digest, str) or len(digest) != 64 or not _is_hexadecimal(digest):
        yield "sha256 must be 64 hexadecimal digits"
    expires = entry.get("expires")
    if expires is not None and not (isinstance(expires, datetime) and expires.tzinfo):
        yield "expires must be a time with an offset, such as 2027-01-31T00:00:00Z"
    if "role" in entry and not _is_text(entry["role"]):
        yield "role must be the name of a role"
    claims = entry.get("claims", {})
    if not isinstance(claims, dict) or not _is_json(claims):
        yield "claims must be a table of texts, numbers, truth values, arrays and tables"
    elif accounts and not accounts_in(claims, accounts):
        yield f"claims must have an account in {accounts} (ODATA_ACCOUNTS_CLAIM)"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_hexadecimal(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _token(entry: dict[str, Any], accounts: str) -> FileToken:
    role, claims = entry.get("role"), entry.get("claims")
    text = None
    if role is not None:
        text = claims_text(claims or {}, role)
    elif claims is not None:
        text = json.dumps(claims, separators=(",", ":"))
    caller = Caller(entry["name"], accounts_in(claims or {}, accounts), role, text)
    return FileToken(bytes.fromhex(entry["sha256"]), caller, entry.get("expires"))


# --- A new entry ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewToken:
    """An access token that has just been made, and its entry in the file."""

    token: str
    entry: str


def new_token(
    name: str, role: str | None, claims: Mapping[str, Any] | None, *, days: int | None
) -> NewToken:
    """A new token with its entry.

    claims  that JSON can say; null is not one of them in TOML
    days    after which it expires; None: never
    raises  ValueError for a null in the claims
    """
    token = _PREFIX + secrets.token_urlsafe(32)
    lines = ["[[token]]", f"name = {_toml(name)}"]
    lines.append(f'sha256 = "{sha256(token.encode()).hexdigest()}"')
    if days is not None:
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        lines.append(f"expires = {expires.isoformat().replace('+00:00', 'Z')}")
    if role is not None:
        lines.append(f"role = {_toml(role)}")
    if claims is not None:
        lines.append(f"claims = {_toml(claims)}")
    return NewToken(token, "\n".join(lines) + "\n")


def _toml(value: Any) -> str:
    """A JSON value as TOML, which writes texts and numbers alike."""
    match value:
        case None:
            raise ValueError("TOML has no null")
        case dict():
            members = (f"{_toml(name)} = {_toml(member)}" for name, member in value.items())
            return "{ " + ", ".join(members) + " }" if value else "{}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            # JSON writes characters beyond the first plane as two halves, which TOML refuses, and
            # leaves DEL as it is.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return json.dumps(value)
