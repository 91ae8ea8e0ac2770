"""The three tools as they are offered, from `tools.json`, and the arguments of their calls."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import orjson

from odata_gateway.errors import UrlOption, nearest

Declaration = dict[str, Any]


def _read() -> Declaration:
    found: Declaration = orjson.loads(files(__package__).joinpath("tools.json").read_bytes())
    return found


_OFFERED = _read()
INSTRUCTIONS: str = _OFFERED["instructions"]
"""What a client tells its agent of the service."""
TOOLS: tuple[Declaration, ...] = tuple(_OFFERED["tools"])
SCHEMAS: dict[str, Declaration] = {tool["name"]: tool["inputSchema"] for tool in TOOLS}
"""What each tool takes."""

_KINDS: Mapping[str, tuple[type, str]] = {
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "array": (list, "a list of texts"),
}


def checked_arguments(given: object, schema: Declaration) -> dict[str, Any]:
    """The arguments of a call by their names, without those that are null. A name may begin with
    `$`, as the option of a URL does.

    raises  UrlOption for an argument that is unknown, missing or of the wrong type
    """
    if not isinstance(given, dict):
        raise UrlOption("the arguments must be an object", target="arguments")
    properties, found = schema["properties"], {}
    for name, value in given.items():
        known = name.removeprefix("$")
        if known not in properties:
            hint = nearest(known, properties) or f"use {', '.join(properties)}"
            raise UrlOption(f"there is no argument '{name[:60]}'", target=name[:60], hint=hint)
        if value is not None:
            found[known] = _checked(known, value, properties[known])
    for name in schema.get("required", ()):
        if name not in found:
            raise UrlOption("the argument is missing", target=name, hint=f"give '{name}'")
    return found


def _checked(name: str, value: Any, declared: Mapping[str, Any]) -> Any:
    kind, noun = _KINDS[declared["type"]]
    is_of_kind = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if is_of_kind and kind is list:
        is_of_kind = all(isinstance(item, str) for item in value)
    if not is_of_kind:
        raise UrlOption(f"'{name}' must be {noun}", target=name)
    least, most = declared.get("minimum"), declared.get("maxItems")
    if least is not None and value < least:
        raise UrlOption(f"'{name}' must not be less than {least}", target=name)
    if most is not None and len(value) > most:
        raise UrlOption(f"'{name}' must not have more than {most} items", target=name)
    return value
