"""An overlay as TOML text; it reads as the same overlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from odata_gateway.introspection.overlay.entries import (
    ColumnEntry,
    JsonMembers,
    LinkEntry,
    Overlay,
    TableEntry,
)
from odata_gateway.introspection.overlay.toml import toml_key, toml_place, toml_text


def overlay_text(overlay: Overlay) -> str:
    """The text of an overlay."""
    return "\n".join(_lines(overlay)) + "\n"


def _lines(overlay: Overlay) -> Iterator[str]:
    for name, texts in (
        ("schemas", overlay.schemas),
        ("search_path", overlay.search_path),
        ("leave_out", overlay.leave_out or None),
        ("secrets", overlay.secrets),
    ):
        if texts is not None:
            yield f"{name} = {_array(texts)}"
    for table in overlay.tables:
        yield from _table(table)
    for entry in overlay.constraints:
        yield f"\n[{toml_place(entry.constraint, within='constraint')}]"
        yield from _texts(("name", entry.name), ("back", entry.back), ("through", entry.through))
    if overlay.rows is not None:
        yield "\n[rows]"
        where = f"{toml_key(overlay.rows.column)} = claim.{overlay.rows.claim}"
        yield f"where = {toml_text(where)}"
        if overlay.rows.everyone:
            yield f"everyone = {_array(overlay.rows.everyone)}"


def _table(entry: TableEntry) -> Iterator[str]:
    place = toml_place(entry.table, within="table")
    yield f"\n[{place}]"
    yield from _texts(("name", entry.name))
    if entry.served is not None:
        yield f"served = {_flag(entry.served)}"
    if entry.key:
        yield f"key = {_array(entry.key)}"
    if entry.search:
        yield f"search = {_array(entry.search)}"
    for link in entry.links:
        yield f"links.{toml_key(link.name)} = {_link(link)}"
    if entry.columns:
        yield f"\n[{place}.columns]"
        for column, about in entry.columns:
            yield f"{toml_key(column)} = {_column(about)}"


def _texts(*members: tuple[str, str]) -> Iterator[str]:
    return (f"{name} = {toml_text(text)}" for name, text in members if text)


def _link(link: LinkEntry) -> str:
    pairs = ", ".join(f"{toml_key(own)} = {toml_text(other)}" for own, other in link.on)
    members = [f"to = {toml_text(link.to)}", f"on = {{ {pairs} }}", *_texts(("back", link.back))]
    return f"{{ {', '.join(members)} }}"


def _column(about: ColumnEntry) -> str:
    secret = [] if about.secret is None else [f"secret = {_flag(about.secret)}"]
    members = [*_texts(("name", about.name)), *secret, *_texts(("type", about.form))]
    members += [f"members = {_members(about.members)}"] if about.members else []
    return f"{{ {', '.join(members)} }}"


def _members(members: JsonMembers) -> str:
    listed = (
        f"{toml_key(name)} = {toml_text(part) if isinstance(part, str) else _members(part)}"
        for name, part in members
    )
    return f"{{ {', '.join(listed)} }}"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _array(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(toml_text, texts))}]"
