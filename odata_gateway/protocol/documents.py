"""Bodies without rows: the service document (JSON Format 4.01, section 5) and errors (section
21)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.protocol.json_format import JsonFormat


def service_document(model: Model, root: str, form: JsonFormat) -> bytes:
    """The service document: every entity set and singleton, and functions that need no parameters,
    each with a URL relative to the service root.

    root  absolute, ends in a slash and has no query
    """
    document: dict[str, Any] = {}
    if form.level != "none":
        document[f"{form.prefix}context"] = f"{root}$metadata"
    document["value"] = (
        [{"name": name, "kind": "EntitySet", "url": quote(name)} for name in model.entity_sets]
        + [{"name": name, "kind": "Singleton", "url": quote(name)} for name in model.singletons]
        + [
            {"name": name, "kind": "FunctionImport", "url": quote(name)}
            for name, found in model.imports.items()
            if found.listed
        ]
    )
    return orjson.dumps(document)


def error_document(error: ODataError, *, request_id: str | None = None) -> bytes:
    """The body of any error: code, message, target and details.

    The target is "" if no part of the request is at fault. A hint is the end of the message, and a
    detail of its own. A nested option that is wrong is a detail whose target is that option.

    request_id  the id in the log; it becomes the inner error
    """
    details: list[dict[str, str]] = []
    if error.hint:
        details.append(_detail(error, error.hint, error.target))
    if error.nested:
        message = f"the error is in the nested option {error.nested} of {error.target}"
        details.append(_detail(error, message, error.nested))
    body: dict[str, Any] = {
        "code": error.code,
        "message": _clean(str(error)) or error.code,
        "target": _clean(error.target or ""),
        "details": details,
    }
    if request_id is not None:
        body["innererror"] = {"request_id": _clean(request_id)}
    return orjson.dumps({"error": body})


def _detail(error: ODataError, message: str, target: str | None) -> dict[str, str]:
    return {"code": error.code, "message": _clean(message), "target": _clean(target or "")}


def _clean(text: str) -> str:
    """The text with a question mark for each lone surrogate, which a client may send in JSON, and
    which UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode("utf-8")
