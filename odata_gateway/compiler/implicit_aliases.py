"""Query options that are called like a parameter of a function in the path, as parameter aliases:
`Nearest?country='Italy'` is `Nearest?@country='Italy'` (Protocol 11.5.4.1.1).

A parameter that is called like a system option is given as an alias only; one that stands in the
parentheses cannot be given again.
"""

from __future__ import annotations

import re

from odata_gateway.edm.functions import ModelFunction
from odata_gateway.edm.model import Model
from odata_gateway.url.options import canonical
from odata_gateway.url.split import Target

GATEWAYS_OWN = frozenset({"apikey", "timezone"})
"""Options that mean something else, whatever the parameters of a function are called."""


def with_implicit_aliases(target: Target, model: Model) -> Target | None:
    """The target with such options as aliases; None where it has none."""
    given = {o.name for o in target.options if not o.name.startswith(("$", "@"))} - GATEWAYS_OWN
    names = given and given & _parameters(target.segments, model)
    if not names:
        return None
    options = tuple(
        option._replace(name=f"@{option.name}") if option.name in names else option
        for option in target.options
    )
    return target._replace(options=options)


def _parameters(segments: tuple[str, ...], model: Model) -> set[str]:
    """The parameters of the functions in a path that its parentheses do not have, and that are not
    called like a system option."""
    found = set[str]()
    for segment in segments:
        name, _, given = segment.partition("(")
        imported = model.imports.get(name)
        functions = imported.functions if imported else _bound(name, model)
        found |= {
            parameter.name
            for function in functions
            for parameter in function.parameters
            if not re.search(rf"(?:^|,)\s*{re.escape(parameter.name)}\s*=", given)
        }
    return {name for name in found if not canonical(name)}


def _bound(name: str, model: Model) -> tuple[ModelFunction, ...]:
    """The functions of a qualified name, or of a name whose namespace was left out."""
    if "." in name:
        return model.functions.get(name, ())
    return tuple(f for each in model.functions.values() for f in each if f.name == name)
