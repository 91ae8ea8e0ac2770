"""Requests as account 1's administrator, with what every answer must have checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.harness.gateway import Gateway, Reply

ADMIN = "demoAdminOfAccountOne001"


class Ask:
    """Requests as account 1's administrator, with what every answer must have checked."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.root = gateway.base_url

    def __call__(
        self, target: str, status: int = 200, *, headers: Mapping[str, str] | None = None, token: str | None = ADMIN, method: str = "GET"
    ) -> Reply:
        """One reply of the expected status, complete and with a version."""
        reply = self.gateway.get(target, headers=headers, token=token, method=method)
        assert reply.status == status, f"{target}: {reply.status} {reply.body[:800]!r}"
        assert reply.headers["odata-version"] in ("4.0", "4.01")
        assert not reply.body or "content-type" in reply.headers
        return reply

    def json(self, target: str, headers: Mapping[str, str] | None = None) -> Any:
        return self(target, headers=headers).json()

    def context(self, target: str, headers: Mapping[str, str] | None = None) -> str:
        """The fragment of the context URL, which is the first member and absolute."""
        body = self.json(target, headers)
        name = next(iter(body))
        assert name in ("@odata.context", "@context")
        base, mark, fragment = body[name].partition("#")
        assert base == f"{self.root}$metadata"
        return mark + fragment

    def error(self, target: str, *statuses: int, **options: Any) -> dict[str, Any]:
        """The error of a refused request, after the checks that hold for every error (JSON Format 21.1)."""
        reply = self.gateway.get(target, **options)
        assert reply.status in statuses, f"{target}: {reply.status} {reply.body[:800]!r}"
        assert reply.headers["content-type"].startswith("application/json") and reply.headers["content-language"] == "en"
        assert reply.headers["odata-version"] in ("4.0", "4.01")
        error = reply.json()["error"]
        assert list(reply.json()) == ["error"] and error["code"] and error["message"]
        return error | {"status": reply.status}

    def unsupported(self, target: str, feature: str, **options: Any) -> None:
        """501, and the message says what is not supported."""
        error = self.error(target, 501, **options)
        assert error["code"].startswith("Unsupported.") and feature in error["message"], error

    def ids(self, target: str, headers: Mapping[str, str] | None = None) -> list[int]:
        """The ids of all rows of all pages, in order."""
        return [row["id"] for page in self.gateway.pages(target, headers=headers) for row in page]
