"""What the parts of a batch need of the web layer: their access token, and replies to errors."""

from __future__ import annotations

from odata_gateway.config.settings import Settings
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.message import Reply, Request, RequestHeaders
from odata_gateway.web.credentials import access_token, secrets_of
from odata_gateway.web.exchange import logged_refusal


class HttpFrontend:
    """Finds tokens where HTTP clients put them, and reports errors as for whole requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def token_of(self, headers: RequestHeaders, query: str) -> str | None:
        """The access token in headers or in a query; raises AuthMissing, AuthInvalid."""
        return access_token(headers, query, basic=self._settings.basic_auth)

    def refusal(self, request: Request, error: Exception) -> Reply:
        """The reply that reports an error of a part of a request."""
        secrets = secrets_of(request.headers, request.target.partition("?")[2])
        return logged_refusal(error, current_stats.get().id, secrets, self._settings)
