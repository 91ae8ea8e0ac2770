"""HTML from a template, and the files that pages need.

Everything that a template inserts is escaped. A response with HTML loads nothing from elsewhere,
runs no script that stands in it, and cannot be framed.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, FunctionLoader, select_autoescape

from odata_gateway.handlers.connections.literals import quoted_text, shell_text, sql_constant
from odata_gateway.handlers.questions.columns import (
    OPERATOR_TITLES,
    argument_type,
    listed_values,
    shown_type,
)
from odata_gateway.handlers.questions.groups import (
    grouped,
    grouped_by_time,
    members_of_group,
    rows_with,
)
from odata_gateway.handlers.questions.links import navigation_links, octets_link
from odata_gateway.protocol.json_format import PLAN_TYPE, with_exact_numbers
from odata_gateway.protocol.message import HeaderPairs, Reply
from odata_gateway.url.addresses.typed import typed

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFETY: HeaderPairs = (
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
RAW_SAFETY: HeaderPairs = (
    ("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
    *SAFETY[1:],
)
"""Of what the database has and a browser shows as it is."""
_MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_FOLDER = files("odata_gateway.handlers.page")
_LONG_TEXT = 120
_NUMBER = re.compile(r"-?(\d+(\.\d+)?(E[+-]?\d+)?|INF)|NaN", re.ASCII)


def html(template: str, *, status: int = 200, headers: HeaderPairs = (), **values: Any) -> Reply:
    """A reply with a page."""
    body = _environment().get_template(template).render(values).encode("utf-8", "replace")
    return Reply(status, (("Content-Type", "text/html; charset=utf-8"), *SAFETY, *headers), body)


def asset(name: str) -> Reply | None:
    """One of the files that pages load; None for other names."""
    kind = _MEDIA_TYPES.get(name.rpartition(".")[2])
    if kind is None or name not in _assets():
        return None
    cached = ("Cache-Control", "public, max-age=31536000, immutable")
    return Reply(200, (("Content-Type", kind), cached), _assets()[name])


@cache
def _assets() -> dict[str, bytes]:
    """Every file by its name, which changes with the content."""
    found = {}
    for file in _FOLDER.joinpath("static").iterdir():
        stem, _, kind = file.name.rpartition(".")
        body = file.read_bytes()
        found[f"{stem}-{hashlib.sha256(body).hexdigest()[:10]}.{kind}"] = body
    return found


def _asset_name(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    return next(n for n in _assets() if n.startswith(f"{stem}-") and n.endswith(f".{kind}"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(lambda name: _FOLDER.joinpath("templates", name).read_text("utf-8")),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "asset_name": _asset_name,
        "operator_titles": OPERATOR_TITLES,
        "plan_type": PLAN_TYPE,
        "grouped": grouped,
        "grouped_by_time": grouped_by_time,
        "members_of_group": members_of_group,
        "rows_with": rows_with,
        "octets": octets_link,
    }
    environment.tests["plain"] = _is_plain
    environment.filters |= {
        "typed": typed,
        "shown_type": shown_type,
        "argument_type": argument_type,
        "listed_values": listed_values,
        "shell_text": shell_text,
        "quoted_text": quoted_text,
        "sql_constant": sql_constant,
        "pretty": _pretty,
        "document": _document,
        "is_long": _is_long,
        "own_members": _own_members,
        "label": _label,
        "navigation_links": navigation_links,
    }
    return environment


def _pretty(value: Any) -> str:
    """A value as JSON that people can read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def pretty_json(text: bytes | str) -> str:
    """A JSON text as people can read it, with its numbers as they are.

    raises  ValueError, TypeError, RecursionError for what is none, or too deep
    """
    return orjson.dumps(with_exact_numbers(text), option=orjson.OPT_INDENT_2).decode()


def _document(text: str) -> str | None:
    """The object or list that a text is as JSON, as people can read it; None for other texts."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return pretty_json(text)
    except (ValueError, TypeError, RecursionError):
        return None


def _is_plain(value: Any) -> bool:
    """Whether a value is shown as it is, which most are; asked of every cell of a table."""
    if isinstance(value, str):
        return value != "" and value[0] not in "{[" and not _is_long(value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_long(text: str) -> bool:
    return len(text) > _LONG_TEXT or text.count("\n") > 2


def _own_members(entity: dict[str, Any]) -> list[str]:
    """The names of the members of an entity, without annotations."""
    return [name for name in entity if "@" not in name]


def _label(entity: dict[str, Any]) -> str:
    """What tells an entity apart for people: its first text, else its first value; of an object
    without a link, its values."""
    values = [entity[name] for name in _own_members(entity) if entity[name] is not None]
    words = [value if isinstance(value, str) else json.dumps(value) for value in values]
    words = [word for word in words if word.strip()]
    if "@odata.id" not in entity:
        return ", ".join(words) or "empty"
    texts = [word for word in words if word in values and not _NUMBER.fullmatch(word)]
    return next(iter(texts or words), "entity")
