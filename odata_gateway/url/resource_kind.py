"""What kind of resource a request target names. It is decided once for a request; what answers the
request, and with which methods, follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from urllib.parse import unquote


class ResourceKind(Enum):
    """The kinds of resources of a service (URL Conventions 4.01, section 4)."""

    SERVICE_DOCUMENT = "the service document"
    METADATA = "$metadata"
    OPENAPI = "openapi.json"
    BATCH = "$batch"
    ENTITY_ID = "$entity"
    ALL = "$all"
    QUERY_BODY = "a resource whose query options are in the body"
    DATA = "any other path"

    __hash__ = object.__hash__  # by identity; Enum's own is a Python function


_READING = ("GET", "HEAD", "OPTIONS")
_POSTING = ("POST", "OPTIONS")
METHODS: Mapping[ResourceKind, tuple[str, ...]] = {
    ResourceKind.SERVICE_DOCUMENT: _READING,
    ResourceKind.METADATA: _READING,
    ResourceKind.OPENAPI: _READING,
    ResourceKind.BATCH: _POSTING,
    ResourceKind.ENTITY_ID: _READING,
    ResourceKind.ALL: _READING,
    ResourceKind.QUERY_BODY: _POSTING,
    ResourceKind.DATA: _READING,
}
"""The methods of each kind. The first one is the one that a request of a batch must have."""

_WRITING = frozenset({"PUT", "PATCH", "DELETE"})
_DATA_KINDS = frozenset({ResourceKind.ENTITY_ID, ResourceKind.ALL, ResourceKind.DATA})

OPENAPI_NAME = "openapi.json"
"""No entity set can have this name."""
_BY_FIRST_SEGMENT = {
    "$metadata": ResourceKind.METADATA,
    "$entity": ResourceKind.ENTITY_ID,
    "$all": ResourceKind.ALL,
}
_ALONE = {"$batch": ResourceKind.BATCH, OPENAPI_NAME: ResourceKind.OPENAPI}
_WITHOUT_QUERY = frozenset({"$metadata", "$entity", "$batch"})
RESERVED_NAMES = frozenset({*_BY_FIRST_SEGMENT, "$batch"})
"""First segments that name the same in every service."""


def classify(target: str) -> ResourceKind:
    """The kind of the text after the service root, as on the wire.

    A leading and a trailing slash change nothing, `%24` is `$`, and a fragment is not part of the
    path. A path that is wrong in another way is of a kind all the same; whoever parses it says what
    is wrong.
    """
    path = target.partition("?")[0]
    if "#" in path:
        path = path.partition("#")[0]
    path = path.removeprefix("/").removesuffix("/")
    if "$" in path or "%" in path:
        return _special(path)
    if path == OPENAPI_NAME:
        return ResourceKind.OPENAPI
    return ResourceKind.DATA if path else ResourceKind.SERVICE_DOCUMENT


def _special(path: str) -> ResourceKind:
    segments = [unquote(segment) for segment in path.split("/")]
    kind = _BY_FIRST_SEGMENT.get(segments[0], ResourceKind.DATA)
    if len(segments) == 1 and segments[0] in _ALONE:
        return _ALONE[segments[0]]
    *resource, last = segments
    has_query = last == "$query" and resource and "$query" not in resource
    return ResourceKind.QUERY_BODY if has_query and segments[0] not in _WITHOUT_QUERY else kind


def method_refusal(method: str, kind: ResourceKind | None) -> str:
    """The message for a method that a resource does not have. It says that the service is read-only
    where the method would change data.

    kind  None for a path outside the service
    """
    would_write = method in _WRITING or (method == "POST" and kind in _DATA_KINDS)
    reason = ": the service is read-only" if would_write else ""
    return f"{method[:20]} is not allowed here{reason}"
