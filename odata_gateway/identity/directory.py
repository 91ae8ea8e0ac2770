"""From the access token of a request to its caller, by the ways that are configured.

A token that no way knows is remembered for a short time under a keyed hash, so that it costs no
database query twice in a row. Such tokens have a memory of their own: however many arrive, no
caller who is known has to be asked for again.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing
from odata_gateway.identity.access_token import check_token
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.way_in import WayIn
from odata_gateway.observe.request_stats import current_stats

LEAST_UNKNOWN_S = 1.0
_ENTRIES = 10_000


class CallerDirectory:
    """Finds the caller of a request.

    ways       in the order in which they are asked; those that ask a database come last
    roles      says which roles callers may have
    anonymous  the caller of a request without a token; None: it is refused
    unknown_s  how long a token that nobody knows is remembered; LEAST_UNKNOWN_S or longer
    entries    the most such tokens that are remembered
    """

    def __init__(
        self,
        ways: Sequence[WayIn],
        roles: RoleDirectory,
        anonymous: Caller | None = None,
        *,
        unknown_s: float = 30.0,
        entries: int = _ENTRIES,
    ) -> None:
        self.ways = tuple(ways)
        self.anonymous = anonymous
        self.roles = roles
        self._unknown_s = max(LEAST_UNKNOWN_S, unknown_s)
        self._entries = entries
        self._key = secrets.token_bytes(32)
        self._unknown: OrderedDict[bytes, float] = OrderedDict()  # until when, oldest first

    @property
    def has_roles(self) -> bool:
        """Whether callers may have roles of their own."""
        is_role = self.anonymous is not None and self.anonymous.role is not None
        return is_role or any(way.gives_roles for way in self.ways)

    @property
    def named_roles(self) -> list[str]:
        """The roles of callers that are known before a token comes, in alphabetical order."""
        found = {role for way in self.ways for role in way.named_roles}
        if self.anonymous is not None and self.anonymous.role is not None:
            found.add(self.anonymous.role)
        return sorted(found)

    @property
    def is_metadata_public(self) -> bool:
        """Whether there is a model that is nobody's in particular: that of callers without a
        role."""
        return not self.has_roles or any(not way.gives_roles for way in self.ways)

    async def caller(self, token: str | None) -> Caller:
        """The caller whose token this is, whom the request's statistics name from then on.

        raises  AuthMissing without a token where nobody may be anonymous, AuthInvalid;
                AuthForbidden, also for a role that must not be used; what the database raises,
                which is not remembered
        """
        caller = await (self._anonymously() if token is None else self._known(token))
        current_stats.get().subject = caller.subject
        return caller

    async def _known(self, token: str) -> Caller:
        check_token(token)
        asked_at = time.monotonic()  # an answer is as old as its question
        if not (self._unknown and self._is_unknown(token, asked_at)):
            for way in self.ways:
                caller = await way.caller(token)
                if caller is not None:
                    if caller.role is not None:
                        await self.roles.require(caller.role)
                    return caller
            self._remember(token, asked_at + self._unknown_s)
        raise AuthInvalid("the access token is not known")

    async def _anonymously(self) -> Caller:
        caller = self.anonymous
        if caller is None:
            raise AuthMissing(
                "an access token is needed",
                hint="send it as a Bearer token, as ?apikey=, or as the password of HTTP Basic",
            )
        # The reason is for the operator: `check` and the log have it.
        if await self._anonymous_fault(caller) is not None:
            raise AuthForbidden("anonymous access is not possible")
        return caller

    async def fault(self) -> str | None:
        """Why nobody at all can be served now; None: somebody can, as far as is known.

        raises  ODataError when the database does not answer
        """
        reasons = []
        if self.anonymous is not None:
            reasons.append(await self._anonymous_fault(self.anonymous))
        for way in self.ways:
            if None in reasons:
                break
            reasons.append(await way.fault())
        return None if None in reasons else "; ".join(filter(None, reasons))

    async def _anonymous_fault(self, caller: Caller) -> str | None:
        if caller.role is None:
            return None
        fault = await self.roles.fault(caller.role)
        return None if fault is None else f"the role '{caller.role}' of ODATA_ANON_ROLE {fault}"

    def forget(self) -> None:
        """Ask again for tokens that nobody knew: a way in may know others now."""
        self._unknown.clear()

    def _is_unknown(self, token: str, now: float) -> bool:
        return now < self._unknown.get(self._hash(token), 0.0)

    def _remember(self, token: str, until: float) -> None:
        key = self._hash(token)
        self._unknown[key] = until
        self._unknown.move_to_end(key)
        while len(self._unknown) > self._entries:
            self._unknown.popitem(last=False)

    def _hash(self, token: str) -> bytes:
        return blake2b(token.encode(), key=self._key, digest_size=16).digest()
