"""What a way in is: a kind of access token, and how it becomes a caller."""

from __future__ import annotations

from typing import Protocol

from odata_gateway.identity.caller import Caller


class WayInError(ValueError):
    """A way in that cannot be used as it is configured, with all mistakes."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class WayIn(Protocol):
    """One kind of access token. A module of this room for each: live_agent, token_file and so on.

    Several may be in use at once; `identity.directory` asks them one after another.
    """

    @property
    def name(self) -> str:
        """What the log and `check` call it."""
        ...

    @property
    def gives_roles(self) -> bool:
        """Whether its callers may have roles of their own."""
        ...

    @property
    def named_roles(self) -> frozenset[str]:
        """The roles of its callers that are known before a token comes, for `check`."""
        ...

    async def caller(self, token: str) -> Caller | None:
        """The caller whose token this is; None: it is not of this kind, or nobody's.

        token   has passed `access_token.check_token`
        raises  AuthInvalid and AuthForbidden with the reason, where the token is certainly of this
                kind: its owner may know it, and nobody else has the token
        """
        ...

    async def fault(self) -> str | None:
        """Why nobody can come this way now; None: somebody could, as far as is known.

        raises  ODataError when the database does not answer
        """
        ...

    def read_again(self) -> bool:
        """Use its files as they are now; whether they are others than before.

        raises  WayInError, and all stays as it was
        """
        ...
