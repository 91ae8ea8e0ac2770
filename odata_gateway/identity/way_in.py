"""What a way in is: a kind of access token, and how it becomes a caller."""

from __future__ import annotations

from typing import Protocol

from odata_gateway.identity.caller import Caller


class WayIn(Protocol):
    """One kind of access token. A module of this room for each: live_agent, token_file and so on.

    Several may be in use at once; `identity.directory` asks them one after another.
    """

    async def caller(self, token: str) -> Caller | None:
        """The caller whose token this is; None: it is not of this kind, or nobody's.

        token   has passed `access_token.check_token`
        raises  AuthInvalid and AuthForbidden with the reason, where the token is certainly of this
                kind: its owner may know it, and nobody else has the token
        """
        ...
