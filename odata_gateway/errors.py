"""Everything that can go wrong, as one hierarchy of answers.

Each class is one stable error code: `status` is the HTTP status, `code` the value of `error.code`
(OData JSON Format 4.01, section 21.1). The prefix of a code names the stage that found the fault:
`Url.` (syntax), `Bind.` (meaning), `Auth.`, `Limit.`, `Unsupported.` (501), `Db.` and `Internal.`.
Faults are raised where the fact is known and caught once, in the web middleware;
`protocol.documents` writes the body.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ODataError(Exception):
    """An answer the client can act on.

    message  is shown to the client. It never contains SQL, host names or tokens, and does not end
             with a full stop
    target   the query option of the URL (`$filter`, `@a`) or `path`, and `nested` the option in its
             parentheses that is wrong, as in `$expand=messages($filter=...)`
    at       the offset in the decoded text of `target`, in characters
    hint     what to do
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

    def __str__(self) -> str:
        where = self.target or ""
        if where and self.at is not None:
            where = f"{where} at {self.at}"
        if where and self.nested is not None:
            where = f"{where}, nested {self.nested}"
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}; {self.hint}" if self.hint else text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The hint `did you mean 'status'?` for a misspelt name, or None where nothing visible is
    near."""
    names = list(known)
    found = [n for n in names if n.lower() == name.lower()] or get_close_matches(
        name, names, n=1, cutoff=0.6
    )
    return f"did you mean '{found[0]}'?" if found else None


# --- Url.: what the text says ---------------------------------------------------------------------


class UrlSyntax(ODataError):
    """The text does not follow the OData grammar."""

    status, code = 400, "Url.Syntax"


class UrlEncoding(ODataError):
    """Bad percent-encoding, invalid UTF-8, a NUL character or a lone surrogate."""

    status, code = 400, "Url.Encoding"


class UrlLiteral(ODataError):
    """A literal with an impossible value, such as a 13th month."""

    status, code = 400, "Url.Literal"


class UrlOption(ODataError):
    """An unknown system query option, or one that is given twice."""

    status, code = 400, "Url.Option"


class UrlSkiptoken(ODataError):
    """A `$skiptoken` that was altered, or that belongs to another query."""

    status, code = 400, "Url.Skiptoken"


class UrlHeader(ODataError):
    """A header the protocol defines, with a value it does not allow."""

    status, code = 400, "Url.Header"


class UrlMethod(ODataError):
    """A method that would write, or that this resource does not have."""

    status, code = 405, "Url.Method"


class UrlFormat(ODataError):
    """None of the acceptable formats is available."""

    status, code = 406, "Url.Format"


class UrlTimeout(ODataError):
    """The request did not arrive in time."""

    status, code = 408, "Url.Timeout"


class UrlPrecondition(ODataError):
    """A precondition (If-Match, Isolation) that cannot be met."""

    status, code = 412, "Url.Precondition"


class UrlMediaType(ODataError):
    """A request body of a type that cannot be read."""

    status, code = 415, "Url.MediaType"


class UrlDependency(ODataError):
    """A part of a batch that needs an earlier one, which failed."""

    status, code = 424, "Url.Dependency"


# --- Bind.: what it means -------------------------------------------------------------------------


class BindName(ODataError):
    """A name the type does not have."""

    status, code = 400, "Bind.Name"


class BindType(ODataError):
    """Operands or arguments of the wrong type."""

    status, code = 400, "Bind.Type"


class BindValue(ODataError):
    """A value the type cannot hold, or an operation that fails on values, such as a division by
    zero."""

    status, code = 400, "Bind.Value"


class BindOption(ODataError):
    """A query option that does not apply to this resource."""

    status, code = 400, "Bind.Option"


class BindSecret(ODataError):
    """A clause that would compute with a secret property."""

    status, code = 400, "Bind.Secret"


class BindSegment(ODataError):
    """A path segment that does not exist."""

    status, code = 404, "Bind.Segment"


class BindNoEntity(ODataError):
    """No such entity, or none this caller may see."""

    status, code = 404, "Bind.NoEntity"


# --- Auth. ----------------------------------------------------------------------------------------


class AuthMissing(ODataError):
    """No access token came with the request."""

    status, code = 401, "Auth.Missing"
    headers = (
        ("WWW-Authenticate", 'Bearer realm="odata"'),
        ("WWW-Authenticate", 'Basic realm="odata", charset="UTF-8"'),
    )


class AuthInvalid(ODataError):
    """The access token is not known."""

    status, code = 401, "Auth.Invalid"
    headers = (
        ("WWW-Authenticate", 'Bearer realm="odata", error="invalid_token"'),
        ("WWW-Authenticate", 'Basic realm="odata", charset="UTF-8"'),
    )


class AuthForbidden(ODataError):
    """The user is an administrator of no account."""

    status, code = 403, "Auth.Forbidden"


# --- Limit. ---------------------------------------------------------------------------------------


class LimitUrl(ODataError):
    """The URL is too long."""

    status, code = 414, "Limit.Url"


class LimitBody(ODataError):
    """The request body is too long."""

    status, code = 413, "Limit.Body"


class LimitParts(ODataError):
    """The batch has too many parts."""

    status, code = 413, "Limit.Parts"


class LimitDepth(ODataError):
    """Expressions or expands are nested too deep."""

    status, code = 400, "Limit.Depth"


class LimitNodes(ODataError):
    """The request has too many parts, aliases counted once for each use, or its SQL has."""

    status, code = 400, "Limit.Nodes"


class LimitRequests(ODataError):
    """Too many requests with one access token run at the same time."""

    status, code = 429, "Limit.Requests"
    retry_after_s = 1


# --- Unsupported. ---------------------------------------------------------------------------------


class Unsupported(ODataError):
    """Valid OData that this service does not support; never ignored, never a wrong answer."""

    status, code = 501, "Unsupported.Feature"


# --- Db. ------------------------------------------------------------------------------------------


class DbValue(ODataError):
    """A value Postgres refused while it computed the answer (SQLSTATE class 22)."""

    status, code = 400, "Db.Value"


class DbDenied(ODataError):
    """The database role may not read something the model needs (SQLSTATE 42501)."""

    status, code = 403, "Db.Denied"


class DbModel(ODataError):
    """The database has changed since the model was checked against it (SQLSTATE 42P01, 42703 and
    the like)."""

    status, code = 500, "Db.Model"


class DbUnavailable(ODataError):
    """The database cannot be reached or has no capacity (SQLSTATE classes 08, 53, 57)."""

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
    """A fault of the gateway itself; the log has the cause under the request's id."""

    status, code = 500, "Internal.Error"


def all_codes() -> dict[str, type[ODataError]]:
    """Every error code with its class, for the table of docs/errors.md."""
    found: dict[str, type[ODataError]] = {}
    for cls in ODataError.__subclasses__():
        found[cls.code] = cls
    return found
