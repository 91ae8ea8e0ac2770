"""The addresses that the forms of a page ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

from odata_gateway.edm.functions import FunctionImport
from odata_gateway.errors import LimitUrl
from odata_gateway.handlers.questions.calls import call_address
from odata_gateway.handlers.questions.columns import (
    NULL_OPERATORS,
    TEXT_OPERATORS,
    RowColumn,
    typed_literal,
)
from odata_gateway.url.addresses.address import Address
from odata_gateway.url.addresses.conditions import narrowed
from odata_gateway.url.addresses.typed import from_typed

_MOST_FIELDS = 2000
_NONE = ("",)
_OWN_OPTIONS, _ARGUMENT = ("pagesize", "timezone"), "argument "
FormFields = Mapping[str, list[str]]


def form_of(query: str) -> FormFields:
    """The fields of a form that was sent as a query; raises LimitUrl for too many."""
    if query.count("&") >= _MOST_FIELDS:
        raise LimitUrl(f"a form has more than {_MOST_FIELDS} fields", target="url")
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def built(form: FormFields, columns: Sequence[RowColumn]) -> Address:
    """The address that a form asks for; a field that it does not have stays as it is.

    raises  BindValue for a condition whose value is not one of the column's type
    """
    address = from_typed(form["url"][0]).without("view")
    named = ((name, values[0].strip()) for name, values in form.items())
    changes = {name: value for name, value in named if name[:1] == "$" or name in _OWN_OPTIONS}
    for name in ("select", "expand"):
        if f"all_{name}" in form:
            chosen = form.get(name, [])
            is_all = name == "select" and str(len(chosen)) == form["all_select"][0]
            changes[f"${name}"] = "" if is_all else ",".join(chosen)
    if "hide" in form:
        shown = (c.name for c in columns if c.type is not None and c.name not in form["hide"])
        changes["$select"] = ",".join(shown)
    changed = address.changed(changes)
    condition = _condition(form, columns)
    return narrowed(changed, condition) if condition else changed


def called(form: FormFields, imports: Mapping[str, FunctionImport]) -> Address:
    """The address of the call of a function that a form asks for.

    raises  BindValue for an argument that is not a value of the parameter's type
    """
    name = form["call"][0]
    given = ((field, values[0]) for field, values in form.items() if field.startswith(_ARGUMENT))
    texts = {field.removeprefix(_ARGUMENT): text for field, text in given if text}
    return call_address(name, imports.get(name), texts)


def _condition(form: FormFields, columns: Iterable[RowColumn]) -> str:
    name, operator = form.get("column", _NONE)[0], form.get("operator", ["eq"])[0]
    text = form.get("value", _NONE)[0]
    column = next((column for column in columns if column.name == name), None)
    is_whole = text or operator in NULL_OPERATORS
    if column is None or operator not in column.operators or not is_whole:
        return ""
    if operator in NULL_OPERATORS:
        return f"{name} {operator}"
    literal = typed_literal(column, text)
    is_function = operator in TEXT_OPERATORS
    return f"{operator}({name},{literal})" if is_function else f"{name} {operator} {literal}"
