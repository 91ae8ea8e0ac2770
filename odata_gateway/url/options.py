"""The system query options of OData 4.01, one row each.

Whatever differs from option to option is a column of `OPTIONS`: where the option may stand, how its
value is read, which example an error shows. What follows the table are projections of it. To add an
option, add a row; then the grammar of its value, if that is new, and its meaning in `plan`.

Sections are those of URL Conventions 4.01 (`URL`), Protocol 4.01 (`Protocol`) and Data Aggregation
4.0 (`Aggregation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from odata_gateway.types.faults import shorten

ResourcePlace = Literal[
    "collection",
    "count",
    "entity",
    "references",
    "reference",
    "property",
    "value",
    "all",
    "set of all",
]
"""What the path of a data request names; `all` is $all, `set of all` one of the sets it reads."""
DocumentPlace = Literal["service document", "$metadata", "$batch", "$entity", "$entity cast"]
"""What any other path names; `$entity cast` is `$entity/Type`."""
ExpandPlace = Literal["expand", "expand one", "expand $ref", "expand $count", "expand *"]
"""An item of $expand, by the suffix of its path; `expand one` has a single-valued navigation
property."""
OptionPlace = (
    ResourcePlace | DocumentPlace | ExpandPlace | Literal["expand made", "select", "count segment"]
)
"""Where an option may stand. `expand made` is an item of $expand whose rows $apply made, `select`
an item of $select, `count segment` stands for `/$count(...)` in an expression."""

ValueForm = Literal["expression", "list", "number", "boolean", "levels", "text"]
"""How a value is read, and where it goes:

    expression, list   through the grammar; literals in slots, all else in the template
    number             a literal in a slot
    boolean, levels    in the template: they change the SQL
    text               beside the template: it never changes the SQL
"""


@dataclass(frozen=True, slots=True)
class SystemOption:
    """One system query option.

    symbol       what its value is in the grammar; None for values that are not parsed
    places       where it may stand
    unsupported  where the standard allows it, but this service answers 501
    cost_rank    its place among the costly options, 1 for the costliest; metrics and log lines name
                 the costliest of a request
    is_bare      whether it may be written without its `$`
    """

    name: str
    section: str
    example: str
    form: ValueForm
    places: frozenset[OptionPlace]
    symbol: str | None = None
    unsupported: frozenset[OptionPlace] = frozenset()
    cost_rank: int | None = None
    is_bare: bool = True

    @property
    def field(self) -> str:
        """Its field in `ast.Options`."""
        return self.name[1:]

    @property
    def start(self) -> str:
        """The token that starts its value in the grammar."""
        return f"START_{(self.symbol or '').upper()}"

    @property
    def token(self) -> str:
        """The token of the option itself in parentheses."""
        return f"OPT_{self.field.upper()}"


_RESOURCES: frozenset[OptionPlace] = frozenset(get_args(ResourcePlace))
_DOCUMENTS: frozenset[OptionPlace] = frozenset(get_args(DocumentPlace))
_SHAPING: frozenset[OptionPlace] = frozenset(
    {"collection", "count", "entity", "expand", "expand one"}
)
_PAGING: frozenset[OptionPlace] = frozenset(
    {"collection", "count", "references", "expand", "expand $ref", "select"}
)
_NARROWING: frozenset[OptionPlace] = _PAGING | {"expand $count", "count segment"}
_ANYWHERE: frozenset[OptionPlace] = _RESOURCES | _DOCUMENTS
_COLLECTIONS: frozenset[OptionPlace] = frozenset({"collection", "count", "all"})

# In the order in which links write them.
OPTIONS = (
    SystemOption(
        "$filter",
        "URL 5.1.2",
        "$filter=status eq 1",
        "expression",
        _NARROWING,
        symbol="expr",
        cost_rank=5,
    ),
    SystemOption(
        "$apply",
        "Aggregation 3",
        "$apply=aggregate($count as n)",
        "list",
        frozenset({"collection", "count", "expand"}),
        symbol="steps",
        unsupported=frozenset({"all"}),
        cost_rank=1,
    ),
    SystemOption(
        "$search",
        "URL 5.1.8",
        "$search=hello",
        "expression",
        _NARROWING | {"all", "set of all"},
        symbol="search",
        cost_rank=2,
    ),
    SystemOption(
        "$compute",
        "URL 5.1.10",
        "$compute=length(title) as len",
        "list",
        _SHAPING | {"select"},
        symbol="compute",
        cost_rank=4,
    ),
    SystemOption(
        "$select",
        "URL 5.1.4",
        "$select=id,status",
        "list",
        _SHAPING | {"select", "expand made", "$entity cast"},
        symbol="select",
    ),
    SystemOption(
        "$expand",
        "URL 5.1.3",
        "$expand=messages",
        "list",
        _SHAPING | {"expand made", "$entity cast"},
        symbol="expand",
        cost_rank=3,
    ),
    SystemOption(
        "$orderby",
        "URL 5.1.5",
        "$orderby=created_at desc,id",
        "list",
        _PAGING,
        symbol="orderby",
        cost_rank=6,
    ),
    SystemOption("$top", "URL 5.1.6", "$top=10", "number", _PAGING | {"all"}, symbol="LITERAL"),
    SystemOption("$skip", "URL 5.1.6", "$skip=10", "number", _PAGING | {"all"}, symbol="LITERAL"),
    SystemOption(
        "$count",
        "URL 5.1.7",
        "$count=true",
        "boolean",
        _PAGING | {"all", "set of all"},
        symbol="CONSTANT",
    ),
    SystemOption(
        "$levels",
        "URL 5.1.3",
        "$expand=messages($levels=2)",
        "levels",
        frozenset({"expand", "expand one", "expand *"}),
    ),
    SystemOption(
        "$index", "URL 5.1.11", "$index=0", "number", frozenset(), unsupported=_COLLECTIONS
    ),
    SystemOption("$format", "URL 5.1.9", "$format=json", "text", _ANYWHERE),
    SystemOption("$schemaversion", "URL 5.1.12", "$schemaversion=1.0", "text", _ANYWHERE),
    SystemOption(
        "$id",
        "URL 4.3.4",
        "$id=Message(1)",
        "text",
        frozenset({"$entity", "$entity cast"}),
    ),
    SystemOption(
        "$skiptoken",
        "Protocol 11.2.6.7",
        "$skiptoken=TOKEN, with the token of a next link",
        "text",
        frozenset({"collection", "references", "all"}),
        is_bare=False,
    ),
    SystemOption(
        "$deltatoken",
        "Protocol 11.3",
        "$deltatoken=TOKEN",
        "text",
        frozenset(),
        unsupported=_COLLECTIONS,
        is_bare=False,
    ),
)

# --- projections ----------------------------------------------------------------------------------

BY_NAME = {row.name: row for row in OPTIONS}
BY_FIELD = {row.field: row.name for row in OPTIONS}
ALLOWED: dict[OptionPlace, frozenset[str]] = {
    place: frozenset(row.name for row in OPTIONS if place in row.places)
    for place in (*_ANYWHERE, *get_args(ExpandPlace), "expand made", "select", "count segment")
}
"""The options that may stand at a place."""
UNSUPPORTED: dict[OptionPlace, frozenset[str]] = {
    place: frozenset(row.name for row in OPTIONS if place in row.unsupported) for place in ALLOWED
}
"""The options that are answered with 501 at a place."""
EXPAND_PLACES: dict[str | None, OptionPlace] = {
    None: "expand",
    "$ref": "expand $ref",
    "$count": "expand $count",
    "*": "expand *",
}
"""The place inside the parentheses of an item of $expand, by the suffix of its path."""
COLLECTION_ONLY = ALLOWED["expand"] - ALLOWED["expand one"]
"""The options of $expand that a single-valued navigation property cannot have."""

PARSED = tuple(row for row in OPTIONS if row.form in ("expression", "list"))
NESTED = tuple(row for row in OPTIONS if row.symbol is not None)
"""The options that the grammar reads in parentheses; $levels is a token of its own."""
LISTS = frozenset(row.name for row in OPTIONS if row.form == "list")
NUMBERS = frozenset(row.name for row in OPTIONS if row.form == "number")
BOOLEANS = frozenset(row.name for row in OPTIONS if row.form == "boolean")
TEXTS = tuple(row.name for row in OPTIONS if row.form == "text")
"""The transport options, which are kept beside the template."""
STARTS = {row.name: row.start for row in PARSED}
EXAMPLES = {row.name: f"write it like {row.example}" for row in OPTIONS}
BY_COST = tuple(
    row.name
    for row in sorted(OPTIONS, key=lambda row: row.cost_rank or len(OPTIONS))
    if row.cost_rank is not None
)
"""The costly options, the costliest first."""

SYSTEM = tuple(row.name for row in OPTIONS if row.places & _ANYWHERE or row.unsupported)
"""The options of a whole request: all but $levels."""
SPELLED_OPTIONS = {name: name for name in SYSTEM} | {
    row.field: row.name for row in OPTIONS if row.is_bare and row.name in SYSTEM
}
"""The system option that each name in lower case is, with and without `$`."""


def canonical(name: str) -> str | None:
    """The system option that `name` spells, in any case and with or without `$`; None for a custom
    option or an unknown `$` name."""
    return SPELLED_OPTIONS.get(name) or SPELLED_OPTIONS.get(name.lower())


# --- beside the table -----------------------------------------------------------------------------

FORMAT_MEDIA_TYPES = {
    "json": "application/json",
    "xml": "application/xml",
    "atom": "application/atom+xml",
}
"""The media types that $format has short names for (ABNF rule `format`), whether they are offered
or not."""
FORMAT_NAMES = frozenset(FORMAT_MEDIA_TYPES)


def format_hint(text: str) -> str:
    """What to write in place of a $format that is neither a short name nor a media type. Not every
    resource has every format, so the hint names the one that each has."""
    name, semicolon, parameters = text.partition(";")
    media_type = FORMAT_MEDIA_TYPES.get(name.lower())
    if semicolon and media_type is not None:
        return f"write {media_type};{shorten(parameters)}"
    return "write json or a media type such as application/json"


RENAMED = {"$inlinecount": "use $count=true", "$links": "use /$ref after the navigation property"}
"""Names of OData 2 and 3, with what replaces them."""
