"""Every error that a client can see: one class each.

`code` is stable, and its first part names what found the error (see STAGES). `status` is the HTTP
status. The docstring of a class is its sentence in docs/errors.md. Errors are raised where the fact
is known and caught once, in `web`; `protocol.documents` writes the body (JSON Format 4.01, section
21.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

STAGES = {
    "Url": "the syntax of the request: its URL, headers and body",
    "Bind": "its meaning: names, types, options",
    "Auth": "the access token",
    "Limit": "a limit of the service",
    "Unsupported": "valid OData that this service does not support",
    "Db": "the database",
    "Internal": "the gateway itself",
}
"""What found an error, by the first part of its code."""


class ODataError(Exception):
    """An error that the client can act on.

    message  is shown to the client. It never contains SQL, host names or tokens, and does not end
             with a full stop
    target   the query option of the URL (`$filter`, `@a`) or `path`
    nested   the option in the parentheses of the target that is wrong, as in
             `$expand=messages($filter=...)`
    at       the offset in the decoded text of the target, in characters
    hint     what to do; it begins with a verb
    server   host and port of the server behind the database that failed, for the operator only
    """

    status = 500
    code = "Internal.Error"
    retry_after_s: int | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(
        self,
        message: str,
        *,
        target: str | None = None,
        at: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.at = at
        self.hint = hint
        self.nested: str | None = None
        self.server: str | None = None

    def __str__(self) -> str:
        where = self.target or ""
        if where and self.at is not None:
            where = f"{where} at {self.at}"
        if where and self.nested is not None:
            where = f"{where}, nested {self.nested}"
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}; {self.hint}" if self.hint else text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The hint `did you mean 'status'?` for a misspelled name; None if no known name is similar."""
    names = list(known)
    found = [n for n in names if n.lower() == name.lower()] or get_close_matches(
        name, names, n=1, cutoff=0.6
    )
    return f"did you mean '{found[0]}'?" if found else None


# --- Url.: the syntax of the request --------------------------------------------------------------


class UrlSyntax(ODataError):
    """The text does not follow the grammar of OData."""

    status, code = 400, "Url.Syntax"


class UrlEncoding(ODataError):
    """The text has malformed percent-encoding, invalid UTF-8, a NUL character or a lone
    surrogate."""

    status, code = 400, "Url.Encoding"


class UrlLiteral(ODataError):
    """A literal has an impossible value, such as a 13th month."""

    status, code = 400, "Url.Literal"


class UrlOption(ODataError):
    """A system query option is unknown, is given twice, or cannot stand where it is."""

    status, code = 400, "Url.Option"


class UrlSkiptoken(ODataError):
    """The `$skiptoken` was altered, or belongs to another query."""

    status, code = 400, "Url.Skiptoken"

    @classmethod
    def outdated(cls, reason: str) -> UrlSkiptoken:
        """The error of a link whose page cannot be found any more."""
        return cls(reason, target="$skiptoken", at=0, hint="start again without $skiptoken")


class UrlHeader(ODataError):
    """A header has a value that the protocol does not allow."""

    status, code = 400, "Url.Header"


class UrlMethod(ODataError):
    """The resource does not have this method; the service is read-only."""

    status, code = 405, "Url.Method"
    headers = (("Allow", "GET, HEAD, OPTIONS"),)  # what most resources have (RFC 9110, 15.5.6)


class UrlFormat(ODataError):
    """None of the formats that the client accepts is available."""

    status, code = 406, "Url.Format"


class UrlTimeout(ODataError):
    """The request did not arrive in time."""

    status, code = 408, "Url.Timeout"


class UrlPrecondition(ODataError):
    """A precondition (If-Match, OData-Isolation) cannot be met."""

    status, code = 412, "Url.Precondition"


class UrlMediaType(ODataError):
    """The service cannot read a request body of this media type."""

    status, code = 415, "Url.MediaType"


class UrlHost(ODataError):
    """The host name of a request for `/mcp` is not one of the service: a page of another site may
    have sent it."""

    status, code = 421, "Url.Host"


class UrlDependency(ODataError):
    """A request of a batch depends on an earlier one, which failed."""

    status, code = 424, "Url.Dependency"


# --- Bind.: its meaning ---------------------------------------------------------------------------


class BindName(ODataError):
    """The type does not have this name."""

    status, code = 400, "Bind.Name"


class BindType(ODataError):
    """An operand or argument has the wrong type."""

    status, code = 400, "Bind.Type"


class BindValue(ODataError):
    """A value is outside of the range of its type, or an operation fails on its values, such as a
    division by zero."""

    status, code = 400, "Bind.Value"


class BindOption(ODataError):
    """A query option does not apply to this resource."""

    status, code = 400, "Bind.Option"


class BindSecret(ODataError):
    """A secret property cannot be used in a computation."""

    status, code = 400, "Bind.Secret"


class BindSegment(ODataError):
    """A path segment does not exist."""

    status, code = 404, "Bind.Segment"


class BindNoEntity(ODataError):
    """There is no such entity, or the caller may not see it."""

    status, code = 404, "Bind.NoEntity"


# --- Auth. ----------------------------------------------------------------------------------------


class AuthMissing(ODataError):
    """The request has no access token."""

    status, code = 401, "Auth.Missing"
    headers = (
        ("WWW-Authenticate", 'Bearer realm="odata"'),
        ("WWW-Authenticate", 'Basic realm="odata", charset="UTF-8"'),
    )


class AuthInvalid(ODataError):
    """The access token is malformed, unknown, expired, or meant for another service."""

    status, code = 401, "Auth.Invalid"
    headers = (
        ("WWW-Authenticate", 'Bearer realm="odata", error="invalid_token"'),
        ("WWW-Authenticate", 'Basic realm="odata", charset="UTF-8"'),
    )


class AuthForbidden(ODataError):
    """The token's owner may read nothing: an administrator of no account, or someone without a
    role that may be used here."""

    status, code = 403, "Auth.Forbidden"


class AuthPlan(ODataError):
    """The operator has not named this caller among those who may see SQL and plans."""

    status, code = 403, "Auth.Plan"


class AuthOrigin(ODataError):
    """A page of another site, which ODATA_CORS_ORIGINS does not name, sent a request for `/mcp`."""

    status, code = 403, "Auth.Origin"


class AuthUnavailable(ODataError):
    """The access token cannot be checked now, because the keys of its issuer were never read."""

    status, code = 503, "Auth.Unavailable"
    retry_after_s = 5


# --- Limit. ---------------------------------------------------------------------------------------


class LimitUrl(ODataError):
    """The URL is too long."""

    status, code = 414, "Limit.Url"


class LimitBody(ODataError):
    """The request body is too long."""

    status, code = 413, "Limit.Body"


class LimitParts(ODataError):
    """The batch has too many requests."""

    status, code = 413, "Limit.Parts"


class LimitDepth(ODataError):
    """Expressions or items of `$expand` are nested too deeply."""

    status, code = 400, "Limit.Depth"


class LimitNodes(ODataError):
    """The request, or the SQL it becomes, has too many parts; an alias counts each time it is
    used."""

    status, code = 400, "Limit.Nodes"


class LimitRows(ODataError):
    """A file would have more rows than `ODATA_MAX_EXPORT_ROWS`."""

    status, code = 400, "Limit.Rows"


class LimitRequests(ODataError):
    """Too many requests with this access token are running."""

    status, code = 429, "Limit.Requests"
    retry_after_s = 1


# --- Unsupported. ---------------------------------------------------------------------------------


class Unsupported(ODataError):
    """The request is valid OData that this service does not support."""

    status, code = 501, "Unsupported.Feature"


# --- Db. ------------------------------------------------------------------------------------------


class DbValue(ODataError):
    """Postgres refused a value while it computed the answer (SQLSTATE class 22)."""

    status, code = 400, "Db.Value"


class DbDenied(ODataError):
    """The database role may not read what the model needs (SQLSTATE 42501)."""

    status, code = 403, "Db.Denied"


class DbModel(ODataError):
    """The database has changed since the model was compared with it (SQLSTATE 42P01, 42703 and
    similar)."""

    status, code = 500, "Db.Model"


class DbChanged(ODataError):
    """The database has changed a moment ago, and the model is being read again."""

    status, code = 503, "Db.Changed"
    retry_after_s = 2


class DbKey(ODataError):
    """The key of an entity set is null in a row, or the same in two rows, or it is not known that
    this cannot be."""

    status, code = 500, "Db.Key"


class DbTable(ODataError):
    """A table or view raises an error of its own when it is read; the log has the database's
    message."""

    status, code = 500, "Db.Table"


class DbTokens(ODataError):
    """No access token can be looked up: the database lacks what the gateway knows callers by."""

    status, code = 500, "Db.Tokens"


class DbUnavailable(ODataError):
    """The database cannot be reached, or has no capacity (SQLSTATE classes 08, 53, 57)."""

    status, code = 503, "Db.Unavailable"
    retry_after_s = 2


class DbBusy(ODataError):
    """No database connection became free in time."""

    status, code = 503, "Db.Busy"
    retry_after_s = 1


class DbTimeout(ODataError):
    """The statement ran longer than its limit (SQLSTATE 57014)."""

    status, code = 504, "Db.Timeout"
    retry_after_s = 5


# --- Internal. ------------------------------------------------------------------------------------


class Internal(ODataError):
    """The gateway has a fault; its log has the cause under the request's id."""

    status, code = 500, "Internal.Error"


def all_codes() -> dict[str, type[ODataError]]:
    """Every error code with its class, for the table of docs/errors.md."""
    return {cls.code: cls for cls in ODataError.__subclasses__()}
