"""Addresses of calls of functions, from what a person wrote for their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from odata_gateway.edm.functions import FunctionImport, FunctionParameter, overload_of
from odata_gateway.handlers.questions.columns import RowColumn, typed_literal
from odata_gateway.url.addresses.address import Address


def call_address(name: str, function: FunctionImport | None, texts: Mapping[str, str]) -> Address:
    """The address of a call of a function; the service refuses one that it has not.

    texts   by the name of the parameter; `null` stands for null where it is not a text
    raises  BindValue for what is not a value of a parameter's type
    """
    found = overload_of(function.functions, texts) if function is not None else None
    parameters = [p for p in found.parameters if p.name in texts] if found is not None else []
    arguments, aliases = [], {}
    for parameter in parameters:
        literal = _literal(parameter, texts[parameter.name])
        if quote(literal, safe="':,") == literal:
            arguments.append(f"{quote(parameter.name)}={literal}")
        else:  # such as a slash, which some proxies do not let pass in a path
            arguments.append(f"{quote(parameter.name)}=@{quote(parameter.name)}")
            aliases[f"@{parameter.name}"] = literal
    return Address(f"{quote(name)}({','.join(arguments)})").viewed(**aliases)


def _literal(parameter: FunctionParameter, text: str) -> str:
    """The literal of a value; a collection or an object is written as JSON."""
    if parameter.collection or parameter.structure is not None:
        return text
    is_text = parameter.type.family.literal.prefix == ""
    if text == "null" and not is_text:
        return text
    return typed_literal(RowColumn((parameter.name,), parameter.type), text)
