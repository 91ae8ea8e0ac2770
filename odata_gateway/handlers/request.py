"""A request for data with everything that is known before the database is asked."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple
from urllib.parse import quote

from odata_gateway.compiler.compiled_query import ArgumentValues, CompiledQuery
from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.errors import BindNoEntity
from odata_gateway.formats.encoding import BodyEncoding
from odata_gateway.identity.caller import Caller
from odata_gateway.protocol import context, links
from odata_gateway.protocol.headers.preferences import Preferences
from odata_gateway.protocol.message import HeaderPairs
from odata_gateway.protocol.metadata.document import MetadataDocuments
from odata_gateway.sql.statement import StatementKind, StatementVariant

ZONE_OPTION = "timezone"
"""The query option that names a time zone. It is none of the standard, which has no place for one,
but clients that cannot send a header and next links need it."""


class DataRequest(NamedTuple):
    """A request for data: compiled, negotiated, and with its caller.

    root          absolute service root; ends in a slash
    credential    the option `apikey`, where the links of the answer must repeat it
    continuation  where a page begins; None for the first page and for single entities
    page_rows     rows of a page
    zone          the time zone of times; None: UTC, with Z
    """

    root: str
    credential: str | None
    caller: Caller
    compiled: CompiledQuery
    encoding: BodyEncoding
    preferences: Preferences
    continuation: links.Continuation | None
    variant: StatementVariant
    page_rows: int
    metadata: MetadataDocuments
    zone: str | None = None

    @property
    def is_counted(self) -> bool:
        """Whether this page carries @odata.count: only the first one does."""
        return self.compiled.query.counted is not None and self.continuation is None

    @property
    def applied(self) -> str | None:
        """The value of Preference-Applied (Protocol 8.2.8); None without any preference."""
        if not self.preferences.spelled:
            return None
        is_page = self.compiled.query.form in ("collection", "references")
        sized = ("maxpagesize",) if is_page else ()
        nulls = ("omit-values",) if self.encoding.omits_nulls else ()
        zone = (self.preferences.timezone or "").casefold() == (self.zone or "utc").casefold()
        names = (*sized, *nulls, *(("timezone",) if zone else ()))
        return self.preferences.with_page_rows(self.page_rows).applied(*names)

    @property
    def context(self) -> context.ResponseContext:
        """The context URL, and the documents it refers to."""
        version, url = self.encoding.version, self.compiled.url
        fragment = context.fragment(self.compiled.query, version, url.key_text)
        return context.ResponseContext(f"{self.root}$metadata{fragment}", self.metadata, version)

    @property
    def token_scope(self) -> links.TokenScope:
        """What the token of a next link belongs to."""
        url = self.compiled.url
        return links.TokenScope(url.query_digest(), url.path_keys())

    @property
    def alike(self) -> Hashable:
        """All that the text and the arguments of the request's statements follow from: requests of
        one model in which it is equal ask the database for the same.

        The client's text stands for its literals: 1.0 and 1.00 are equal, and are shown as they
        are written. `url.text` has not all of it: that of `$entity?$id=` has no options.
        """
        compiled = self.compiled
        return (
            compiled.url.target,
            compiled.key,
            self.variant,
            self.caller,
            self.root,
            self.credential,
            self.continuation,
            self.page_rows,
            self.zone,
        )

    def values(self) -> ArgumentValues:
        """What fills the slots of the query's statements, for one row."""
        continuation = self.continuation
        keys: tuple[str | None, ...] = ()
        if continuation is not None:
            keys = tuple(key if isinstance(key, str) else None for key in continuation.keys)
        literals = self.compiled.url.values
        return ArgumentValues(
            literals, self.caller, 1, self.page_rows, self.root, self.credential, keys, self.zone
        )

    def statement(self, kind: StatementKind) -> BoundStatement:
        """One of the query's statements with its arguments, for one row."""
        return self.compiled.statement(kind, self.variant).bind(self.values())


def reply_headers(
    request: DataRequest, media_type: str | None, applied: str | None = None
) -> HeaderPairs:
    """The headers of a reply with data.

    media_type  None where it has no body
    applied     the preferences that were applied
    """
    headers: HeaderPairs = (("OData-Version", request.encoding.version),)
    if media_type is not None:
        headers = (("Content-Type", media_type), *headers)
    return headers if applied is None else (*headers, ("Preference-Applied", applied))


def page_link(root: str, url: ParsedUrl, token: str, zone: str | None = None) -> str:
    """The link to the page that a token begins: the client's URL, with the token.

    zone  which the link keeps, whatever the client prefers when it follows the link
    """
    path = url.text.removeprefix("/").partition("?")[0]
    options = [(_option_name(o.name), o.raw) for o in url.target.options]
    if zone is not None:
        options.append((ZONE_OPTION, zone_option(zone)))
    return links.next_link(root, path, options, token)


def zone_option(zone: str) -> str:
    """The query option that names a time zone."""
    return f"{ZONE_OPTION}={quote(zone, safe='/')}"


def _option_name(name: str) -> str:
    """The name under which an option is kept once: `$skiptoken` however it is spelled."""
    return "$skiptoken" if name.lower() == "$skiptoken" else name


def no_entity() -> BindNoEntity:
    """The same error for an entity that does not exist and for one of another account."""
    return BindNoEntity("no such entity", target="path")
