"""A TOML file as the entries of an overlay, with every mistake of its form at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from odata_gateway.edm.csdl_properties import is_name
from odata_gateway.edm.json_reader import Mistake, ModelError
from odata_gateway.introspection.columns import FORMS
from odata_gateway.introspection.json_members import member_type
from odata_gateway.introspection.overlay.entries import (
    ColumnEntry,
    ConstraintEntry,
    JsonMembers,
    LinkEntry,
    Overlay,
    RowsEntry,
    TableEntry,
)
from odata_gateway.introspection.overlay.toml import TomlNode

_TOP = ("schemas", "search_path", "leave_out", "secrets", "table", "constraint", "rows")
_TABLE = ("name", "served", "key", "search", "links", "columns")
_COLUMN = ("name", "secret", "type", "members")
_LINK = ("to", "on", "back")
_CONSTRAINT = ("name", "back", "through")
_WHERE = re.compile(r"\s*(\S+|\"[^\"]+\")\s*=\s*claim\.(\S+)\s*")


def read_overlay(path: Path) -> Overlay:
    """The overlay of a file.

    raises  ModelError with every mistake of its form
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError([Mistake("", f"{path} cannot be read: {error.strerror}")]) from error
    except ValueError as error:
        raise ModelError([Mistake("", f"{path} is not TOML: {error}")]) from error
    return parse_overlay(values)


def parse_overlay(values: object) -> Overlay:
    """The overlay that the values of a file say.

    raises  ModelError with every mistake of their form
    """
    root = TomlNode(values, "", [])
    found = dict(root.table(_TOP))
    lists = {
        name: found[name].texts() if name in found else None
        for name in ("schemas", "search_path", "leave_out", "secrets")
    }
    overlay = Overlay(
        lists["schemas"],
        lists["search_path"],
        lists["leave_out"] or (),
        lists["secrets"],
        tuple(_tables(found["table"])) if "table" in found else (),
        tuple(_constraints(found["constraint"])) if "constraint" in found else (),
        _rows(found["rows"]) if "rows" in found else None,
    )
    if root.mistakes:
        raise ModelError(root.mistakes)
    return overlay


def _tables(node: TomlNode) -> Iterator[TableEntry]:
    for table, each in node.table():
        found = dict(each.table(_TABLE))
        yield TableEntry(
            each.place,
            table,
            _identifier(found["name"]) if "name" in found else "",
            found["served"].flag() if "served" in found else None,
            found["key"].texts() if "key" in found else (),
            found["search"].texts() if "search" in found else (),
            tuple(_links(found["links"])) if "links" in found else (),
            tuple(_columns(found["columns"])) if "columns" in found else (),
        )


def _columns(node: TomlNode) -> Iterator[tuple[str, ColumnEntry]]:
    for column, each in node.table():
        found = dict(each.table(_COLUMN))
        yield (
            column,
            ColumnEntry(
                each.place,
                _identifier(found["name"]) if "name" in found else "",
                found["secret"].flag() if "secret" in found else None,
                _form(found["type"]) if "type" in found else "",
                _members(found["members"]) if "members" in found else (),
            ),
        )


def _members(node: TomlNode) -> JsonMembers:
    """The types of members, or their own members."""
    found: list[tuple[str, str | JsonMembers]] = []
    for name, each in node.table():
        if isinstance(each.value, dict):
            found.append((name, _members(each)))
            continue
        text = each.text()
        if text and member_type(text) is None:
            each.fail(f"'{text}' is not a type such as int4, text, timestamptz or text[]")
        found.append((name, text))
    if not found:
        node.fail("needs at least one member")
    return tuple(found)


def _links(node: TomlNode) -> Iterator[LinkEntry]:
    for name, each in node.table():
        found = dict(each.table(_LINK))
        if not is_name(name):
            each.fail("is not a name of OData: letters, digits and _")
        for needed in ("to", "on"):
            if needed not in found:
                each.fail(f"needs {needed}")
        pairs = found["on"].table() if "on" in found else ()
        on = tuple((column, other.text()) for column, other in pairs)
        if "on" in found and not on:
            found["on"].fail("needs at least one pair of columns")
        to = found["to"].text() if "to" in found else ""
        back = _identifier(found["back"]) if "back" in found else ""
        yield LinkEntry(each.place, name, to, on, back)


def _constraints(node: TomlNode) -> Iterator[ConstraintEntry]:
    for constraint, each in node.table():
        found = dict(each.table(_CONSTRAINT))
        names = {name: _identifier(child) for name, child in found.items()}
        yield ConstraintEntry(each.place, constraint, **names)


def _rows(node: TomlNode) -> RowsEntry | None:
    found = dict(node.table(("where", "everyone")))
    everyone = found["everyone"].texts() if "everyone" in found else ()
    if "where" not in found:
        node.fail('needs where, such as "tenant_id = claim.tenant"')
        return None
    parts = _WHERE.fullmatch(found["where"].text())
    if parts is None:
        found["where"].fail('must be a column and a claim, such as "tenant_id = claim.tenant"')
        return None
    return RowsEntry(node.place, parts[1].strip('"'), parts[2], everyone)


def _identifier(node: TomlNode) -> str:
    name = node.text()
    if name and not is_name(name):
        node.fail("is not a name of OData: letters, digits and _")
    return name


def _form(node: TomlNode) -> str:
    form = node.text()
    if form and form not in FORMS:
        node.fail(f"'{form}' is not one of {', '.join(FORMS)}")
    return form
