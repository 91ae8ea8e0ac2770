"""What stands around rows: the JSON object of a collection, an entity, a property (JSON Format
4.01, sections 6, 11 and 13).

The rows come as finished text; nothing here looks inside them.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from odata_gateway.protocol.headers.format import JsonFormat


def control(form: JsonFormat, name: str) -> str:
    """The name of control information in the format's version: `@odata.count` or `@count`."""
    return f"@{form.prefix}{name}"


def _member(name: str, value: str) -> bytes:
    return b'"%s":%s' % (name.encode(), orjson.dumps(value))


class ResponseContext(NamedTuple):
    """Where a body's meaning stands: its context URL, and the entity tag of the $metadata that it
    was made by (JSON Format 4.5.2)."""

    context: str
    metadata_etag: str


def _origin(form: JsonFormat, origin: ResponseContext) -> list[bytes]:
    """Context first; the entity tag where all control information is asked for, since strict
    readers of less know only what they need."""
    members = [] if form.level == "none" else [_member(control(form, "context"), origin.context)]
    return (
        [*members, _member(control(form, "metadataEtag"), origin.metadata_etag)]
        if form.level == "full"
        else members
    )


def collection_head(form: JsonFormat, origin: ResponseContext, count: int | None) -> bytes:
    """Everything before the first row: context first, the count last."""
    members = _origin(form, origin)
    if count is not None:
        number = f'"{count}"' if form.ieee754 else str(count)
        members.append(f'"{control(form, "count")}":{number}'.encode())
    return b"{" + b",".join([*members, b'"value":['])


def collection_tail(form: JsonFormat, next_link: str | None) -> bytes:
    """Everything after the last row."""
    return (
        b"]}" if next_link is None else b"]," + _member(control(form, "nextLink"), next_link) + b"}"
    )


def entity(form: JsonFormat, origin: ResponseContext, row: str) -> bytes:
    """A single entity or reference: the row with the context as its first member."""
    if form.level == "none":
        return row.encode()
    head = b"{" + b",".join(_origin(form, origin))
    return head + (b"}" if row == "{}" else b"," + row[1:].encode())


def property_value(
    form: JsonFormat, origin: ResponseContext, value: str, type_name: str | None
) -> bytes:
    """A single property; `type_name` where a reader must be told (full metadata)."""
    members = _origin(form, origin)
    if type_name is not None and form.level == "full":
        members.append(
            _member(control(form, "type"), type_name if form.version != "4.0" else f"#{type_name}")
        )
    return b"{" + b",".join([*members, b'"value":' + value.encode()]) + b"}"
