"""The system query options of OData 4.01 by name, and where each may stand (ABNF sections 1 and
2)."""

from __future__ import annotations

# Options whose text is an expression or a list, and is parsed.
PARSED = frozenset({"$filter", "$search", "$select", "$expand", "$orderby", "$compute", "$apply"})
# Options with a number, lifted into a slot.
NUMBERS = frozenset({"$top", "$skip", "$index"})
# Options kept as text beside the template: their values never change the SQL.
TEXTS = frozenset({"$format", "$schemaversion", "$id", "$skiptoken", "$deltatoken"})
SYSTEM = PARSED | NUMBERS | TEXTS | {"$count"}
# ABNF: these two have no spelling without "$".
ONLY_WITH_DOLLAR = frozenset({"$skiptoken", "$deltatoken"})
_WITHOUT_DOLLAR = {name[1:]: name for name in SYSTEM - ONLY_WITH_DOLLAR}

# What may stand in the parentheses of an item of $expand, by the item's suffix; of $select; of
# $count in an expression.
_COUNT = frozenset({"$filter", "$search"})
_REF = _COUNT | {"$orderby", "$skip", "$top", "$count"}
EXPAND = {
    None: _REF | {"$select", "$expand", "$compute", "$apply", "$levels"},
    "$ref": _REF,
    "$count": _COUNT,
    "*": frozenset({"$levels"}),
}
SELECT = _REF | {"$compute", "$select"}
COUNT = _COUNT

# Options of the resources that are no data ("" is the service document); custom options may stand
# anywhere.
_ALWAYS = frozenset({"$format", "$schemaversion"})
RESTRICTED = {
    "": _ALWAYS,
    "$batch": _ALWAYS,
    "$metadata": _ALWAYS,
    "$entity": _ALWAYS | {"$id"},
}
ENTITY_CAST = _ALWAYS | {"$id", "$expand", "$select"}

# The short names of formats; all others are media types.
FORMATS = frozenset({"atom", "json", "xml"})

# Names of earlier versions, and what took their place.
RENAMED = {"$inlinecount": "use $count=true", "$links": "use /$ref after the navigation property"}


def canonical(name: str) -> str | None:
    """The system option that `name` spells, in any case and with or without `$`; None for a custom
    option or an unknown `$` name."""
    if name in SYSTEM:
        return name
    lower = name.lower()
    return lower if lower in SYSTEM else _WITHOUT_DOLLAR.get(lower)
