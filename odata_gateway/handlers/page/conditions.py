"""URLs from the fields of a form, and from a click on a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote

from odata_gateway.errors import BindValue
from odata_gateway.handlers.page.address import PageAddress, page_address
from odata_gateway.handlers.page.columns import NULL_OPERATORS, TEXT_OPERATORS, PageColumn
from odata_gateway.types.faults import shorten
from odata_gateway.url.options import NESTED

_OF_ROWS = tuple(option.name for option in NESTED)  # what says which rows are shown, and how
_COUNTED = re.compile(r"(?:filter\((.*)\)/)?groupby\(\(([^()]*)\),aggregate\(\$count as \w+\)\)")
_ESCAPES = str.maketrans({"%": "%25", "&": "%26", "#": "%23", "+": "%2B"})
Form = Mapping[str, list[str]]


def form_of(query: str) -> Form:
    """The fields of a form that was sent as a query."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=2000):
        found.setdefault(name, []).append(value)
    return found


def typed(address: PageAddress) -> str:
    """An address as people read and write it: blanks and letters stand for themselves."""
    path, _, _ = address.shown.partition("?")
    options = (
        o.name + (f"={o.value.translate(_ESCAPES)}" if "=" in o.raw else "")
        for o in address.options
    )
    query = "&".join(options)
    return path.replace("%", "%25") + (f"?{query}" if query else "")


def from_typed(text: str) -> PageAddress:
    """The address that a person wrote, whose escapes stay as they are."""
    return page_address(quote(text.strip().lstrip("/"), safe="$'()*,/:;@!~?&=%+#"))


def built(form: Form, columns: Iterable[PageColumn]) -> PageAddress:
    """The address that a form asks for; a field that it does not have stays as it is.

    raises  BindValue for a condition whose value is not one of the column's type
    """
    address = from_typed(form["url"][0])
    changes = {name: values[0].strip() for name, values in form.items() if name.startswith("$")}
    for name in ("select", "expand"):
        if f"all_{name}" in form:
            chosen = form.get(name, [])
            is_all = name == "select" and len(chosen) == int(form["all_select"][0])
            changes[f"${name}"] = "" if is_all else ",".join(chosen)
    condition = _condition(form, columns)
    if condition:
        changes["$filter"] = both(changes.get("$filter", address.value("$filter")), condition)
    if "pagesize" in form:
        changes["pagesize"] = form["pagesize"][0]
    return address.changed(changes)


def both(first: str, second: str) -> str:
    """Two conditions as one."""
    if not first:
        return second
    has_or = re.search(r"\bor\b", first)
    return f"({first}) and {second}" if has_or else f"{first} and {second}"


def _condition(form: Form, columns: Iterable[PageColumn]) -> str:
    name, operator = form.get("column", [""])[0], form.get("operator", ["eq"])[0]
    text = form.get("value", [""])[0]
    column = next((column for column in columns if column.name == name), None)
    is_whole = text or operator in NULL_OPERATORS
    if column is None or operator not in column.operators or not is_whole:
        return ""
    if operator in NULL_OPERATORS:
        return f"{name} {operator}"
    try:
        literal = column.literal(text)
    except ValueError:
        type_name = "" if column.type is None else column.type.name
        raise BindValue(
            f"'{shorten(text)}' is not a value of the type {type_name} of {name}",
            hint="go back and write another value",
        ) from None
    is_function = operator in TEXT_OPERATORS
    return f"{operator}({name},{literal})" if is_function else f"{name} {operator} {literal}"


def filtered_to(address: PageAddress, column: PageColumn, value: object) -> PageAddress | None:
    """The address of the rows in which a column has a value; None where no URL says that."""
    try:
        condition = f"{column.name} eq {column.literal(value)}"
    except ValueError:
        return None
    return address.changed({"$filter": both(address.value("$filter"), condition)})


def applied(address: PageAddress) -> str:
    """What makes the rows of an address, as steps of $apply, each with a slash behind it."""
    apply = address.value("$apply")
    steps = [apply] if apply else []
    for step in ("compute", "search", "filter"):
        value = address.value(f"${step}")
        steps += [f"{step}({value})"] if value else []
    return "".join(f"{step}/" for step in steps)


def grouped(address: PageAddress, columns: Iterable[PageColumn], *names: str) -> PageAddress:
    """The address of the number of rows for each value of a column, or of several."""
    taken = {column.name for column in columns}
    number = next(name for name in ("count", "rows", "number_of_rows", "n") if name not in taken)
    keys = ",".join(names)
    apply = f"{applied(address)}groupby(({keys}),aggregate($count as {number}))"
    gone = dict.fromkeys((*_OF_ROWS, "facets"), "")
    return address.changed({**gone, "$apply": apply, "$orderby": f"{number} desc"})


def members_of_group(
    address: PageAddress, columns: list[PageColumn], row: object
) -> PageAddress | None:
    """The address of the rows that a row of `grouped` counts; None for other rows."""
    counted = _COUNTED.fullmatch(address.value("$apply"))
    if counted is None or ")/" in (counted[1] or "") or address.value("$filter"):
        return None
    gone = dict.fromkeys(_OF_ROWS, "")
    found: PageAddress | None = address.changed({**gone, "$filter": counted[1] or ""})
    for column in columns:
        if found is not None and column.name in counted[2].split(","):
            found = filtered_to(found, column, column.value(row))
    return found
