"""Bodies without rows: the service document (JSON Format 4.01, section 5) and errors (section
21)."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

import orjson

from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError


def service_document(
    model: Model,
    root: str,
    version: Literal["4.0", "4.01"] = "4.0",
    level: Literal["none", "minimal", "full"] = "minimal",
) -> bytes:
    """The service document: every entity set, with a URL relative to `root`.

    root  the absolute service root, which ends in a slash and has no query
    """
    document: dict[str, Any] = {}
    if level != "none":
        document["@odata.context" if version == "4.0" else "@context"] = f"{root}$metadata"
    document["value"] = [
        {"name": name, "kind": "EntitySet", "url": quote(name)} for name in model.entity_sets
    ]
    return orjson.dumps(document)


def error_document(error: ODataError, *, request_id: str | None = None) -> bytes:
    """The body of any error: code, message, target and details.

    The target is "" if no part of the request is at fault. A hint is the end of the message, and a
    detail of its own.

    request_id  the id in the log; it becomes the inner error
    """
    details = (
        [{"code": error.code, "message": _clean(error.hint), "target": _clean(error.target or "")}]
        if error.hint
        else []
    )
    body: dict[str, Any] = {
        "code": error.code,
        "message": _clean(str(error)) or error.code,
        "target": _clean(error.target or ""),
        "details": details,
    }
    if request_id is not None:
        body["innererror"] = {"request_id": _clean(request_id)}
    return orjson.dumps({"error": body})


def _clean(text: str) -> str:
    """The text with a question mark for each lone surrogate, which a client may send in JSON, and
    which UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode("utf-8")
