"""A JSON Web Token to a caller, remembered until the token expires or its key is withdrawn.

A token that is refused is not remembered: it costs a signature (40 to 400 us) each time and asks
nobody, except that an unknown key may cause one reading of the keys.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthUnavailable
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.claims import claims_text
from odata_gateway.identity.jwt.claim_checks import (
    accounts_of,
    check_audience,
    check_issuer,
    check_times,
    roles_of,
    subject_of,
)
from odata_gateway.identity.jwt.compact import CompactToken, split_token
from odata_gateway.identity.jwt.key_ring import KeyRing
from odata_gateway.identity.jwt.settings import JwtSettings
from odata_gateway.identity.jwt.signing_key import SigningKey
from odata_gateway.identity.jwt.strict_json import JsonFault, check_storable, read_object

MOST_TTL_S = 60.0
"""How long a token is remembered at most: the right to its role may be taken away."""
_MOST_BYTES = 16 * 1024 * 1024
_ENTRY_BYTES = 500
_MOST_ROLES = 100
"""How many roles of a token are looked at: each unknown name may cost a query."""


@dataclass(frozen=True, slots=True)
class RememberedToken:
    """The caller of a token, until when it is remembered, in seconds since 1970, and the digest of
    the key that has signed it."""

    caller: Caller
    until: float
    key: str

    @property
    def size(self) -> int:
        return _ENTRY_BYTES + len(self.caller.claims or "")


class RoleRights(Protocol):
    """Which roles the statements of callers may run as: `db.schema.roles` asks the database."""

    async def require(self, role: str) -> None:
        """raises  AuthForbidden where no statement may run as the role"""
        ...

    async def first_usable(self, roles: Sequence[str]) -> str | None:
        """The first of these roles that statements may run as."""
        ...


class JwtCallers:
    """Finds the caller that a JSON Web Token is about: one of the ways in.

    roles  which of the roles of a token may be used; the first is taken
    clock  seconds since 1970
    """

    name = "JSON Web Tokens"
    named_roles: frozenset[str] = frozenset()

    def __init__(
        self,
        settings: JwtSettings,
        ring: KeyRing,
        roles: RoleRights,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ring = ring
        self._settings = settings
        self._roles = roles
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, RememberedToken] = OrderedDict()
        self._bytes = 0

    @property
    def gives_roles(self) -> bool:
        """Whether tokens name the role that statements run as."""
        return bool(self._settings.role)

    async def fault(self) -> str | None:
        """Why no token can be accepted now; None where one could."""
        keys = self.ring.current
        if keys is None:
            return self.ring.fault or "the keys that sign tokens have not been read yet"
        return None if keys.keys else "there is no key that may sign tokens"

    def read_again(self) -> bool:
        """Have the keys read soon; no token that was unknown is known because of that."""
        self.ring.look_again()
        return False

    async def caller(self, token: str) -> Caller | None:
        """The caller of a token; None for a text that is no JSON Web Token.

        raises  AuthInvalid, AuthForbidden, AuthUnavailable
        """
        if "." not in token:
            return None
        key = blake2b(token.encode(), key=self._key, digest_size=16).digest()
        known = self._known.get(key)
        if known is not None and self._holds(known):
            self._known.move_to_end(key)
            return known.caller
        parts = split_token(token)
        if parts is None:
            return None
        signer = await self._signer(parts)
        now = self._clock()
        found = await self._verified(parts, signer, now)
        self._remember(key, found)
        return found.caller

    def forget(self) -> None:
        """Check every token again: what roles may be used has changed."""
        self._known.clear()
        self._bytes = 0

    def _holds(self, known: RememberedToken) -> bool:
        keys = self.ring.current
        return self._clock() < known.until and keys is not None and known.key in keys.digests

    async def _signer(self, token: CompactToken) -> SigningKey:
        """The key that has signed a token, among those that may. It may be newer than the last
        reading of the keys."""
        if token.algorithm.lower() == "none":
            raise AuthInvalid("the token is not signed")
        for _ in range(2):
            keys = self.ring.current
            signer = keys.signer(token) if keys is not None else None
            if signer is not None:
                return signer
            if not await self.ring.renewed(keys):
                break
        if self.ring.current is None:
            raise AuthUnavailable("the keys that sign access tokens cannot be read now")
        raise AuthInvalid(
            "the token is not signed with a key that this service knows",
            hint="get a new token from its issuer",
        )

    async def _verified(
        self, token: CompactToken, signer: SigningKey, now: float
    ) -> RememberedToken:
        """What the claims of a signed token say, where they may."""
        settings = self._settings
        try:
            claims = read_object(token.claims)
            check_storable(claims)
        except JsonFault as fault:
            raise AuthInvalid(f"the text of the token's claims {fault}") from None
        check_issuer(claims, self._issuer)
        check_audience(claims, settings.audience)
        until = check_times(
            claims, leeway_s=settings.leeway_s, now=now, may_last=signer.is_shared_secret
        )
        role = await self._role(roles_of(claims, settings))
        accounts = accounts_of(claims, settings)
        subject = subject_of(claims) or role or ""
        caller = Caller(subject, accounts, role, claims_text(claims, role))
        return RememberedToken(caller, min(until, now + MOST_TTL_S), signer.digest)

    @property
    def _issuer(self) -> str:
        """What `iss` must be: as the issuer itself writes it, where it has been asked."""
        document = self.ring.source.document
        return self._settings.issuer if document is None else document.issuer

    async def _role(self, names: tuple[str, ...]) -> str | None:
        """The first of some roles that may be used; None where there is none to choose from."""
        if len(names) == 1:
            await self._roles.require(names[0])
            return names[0]
        role = await self._roles.first_usable(names[:_MOST_ROLES])
        if names and role is None:
            raise AuthForbidden(
                "none of the roles of this access token may be used here",
                hint="grant one of them to the database user of the gateway",
            )
        return role

    def _remember(self, key: bytes, found: RememberedToken) -> None:
        before = self._known.pop(key, None)
        self._bytes += found.size - (before.size if before is not None else 0)
        self._known[key] = found
        while self._bytes > _MOST_BYTES:
            self._bytes -= self._known.popitem(last=False)[1].size
