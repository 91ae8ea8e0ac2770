"""What describes a type family: one frozen object for what its values are in a URL, in SQL and in
JSON.

SQL is kept as templates: `{0}`, `{1}`, ... are holes, `{{` and `}}` are braces. `sql.fragment.fill`
fills them. Whoever adds a field adds it here, with a default that is right for a family that does
not know the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, LiteralString, TypeAlias, get_args

from odata_gateway.types.aggregates import MIN_MAX, AggregateRule
from odata_gateway.types.facets import ColumnFacets, as_declared
from odata_gateway.types.faults import shorten
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.json import JsonForm as JsonForm
from odata_gateway.types.forms.schema import SchemaForm

# How a literal becomes an argument: `value` and, beside a comparison, `exact` refuse what the type
# cannot hold; `floor` and `ceil` round times finer than a microsecond to the side that keeps an
# ordering comparison right; `infix`, `prefix`, `suffix` make a LIKE pattern; `pattern` translates a
# regular expression; `cast` turns what does not fit into null, `uuid` what is no uuid; `utc` wants
# offset 0; `positive` and `percent` refuse numbers not above 0, or above 100; `rows` is for numbers
# of rows, of which two can be added; `parameter` is for functions; `label` and the rest turn what
# is no text of a Postgres type into null (`own_text`).
OwnMode = Literal[
    "label", "inet", "cidr", "macaddr", "macaddr8", "money", "bits", "oid", "lsn", "character"
]
DecodeMode = (
    Literal[
        "value",
        "exact",
        "floor",
        "ceil",
        "infix",
        "prefix",
        "suffix",
        "pattern",
        "cast",
        "utc",
        "uuid",
        "positive",
        "percent",
        "rows",
        "parameter",
    ]
    | OwnMode
)

LIKE_MODES: frozenset[DecodeMode] = frozenset({"infix", "prefix", "suffix"})
"""The argument is a LIKE pattern."""
RANGE_MODES: frozenset[DecodeMode] = LIKE_MODES | {"floor", "ceil", "pattern"}
"""The argument bounds a range or selects a part of all texts: the best plan depends on its
value."""
OWN_MODES: frozenset[DecodeMode] = frozenset(get_args(OwnMode))
"""The argument is a text that the column's own type can read."""
NULL_MODES: frozenset[DecodeMode] = OWN_MODES | {"uuid", "cast"}
"""The argument may be null although the literal is not."""


@dataclass(frozen=True, slots=True)
class LiteralForm:
    """How values are written in a URL.

    prefix     None: the text stands bare (`42`). "": in quotes (`'a'`). Else in quotes behind the
               prefix, in any case (`duration'PT1H'`)
    token      the lexer's token for bare literals of this family; numbers share one
    read       the value of a literal's text, without prefix and quotes
    from_text  the value of a text elsewhere: `cast('...',Edm.Type)`, and keys as path segments
    write      a value as canonical text, without prefix and quotes
    exact      a value as a literal that is read as the same kind again; None: prefix and quotes are
               enough for that
    quoted     a quoted string stands for a value where one of this family is expected
    shorter    families of whose literals one stands for a value of this family, beyond the standard
    hints      what to write instead, by the family of the literal that does not fit; "" for others

    `read`, `from_text` and `argument` raise ValueError for what is not a value; a ValueFault says
    more about the reason.
    """

    read: Callable[[str], object]
    from_text: Callable[[str, PrimitiveType], object]
    write: Callable[[object], str] = str
    prefix: str | None = None
    token: str | None = None
    exact: Callable[[object], str] | None = None
    quoted: bool = False
    shorter: frozenset[str] = frozenset()
    hints: Mapping[str, str] = field(default_factory=dict)

    def wrapped(self, text: str) -> str:
        """A canonical text with its prefix and quotes."""
        if self.prefix is None:
            return text
        doubled = text.replace("'", "''")
        return f"{self.prefix}'{doubled}'"

    def literal_of(self, value: object) -> str:
        """A value as a literal, not percent-encoded."""
        return self.exact(value) if self.exact else self.wrapped(self.write(value))


@dataclass(frozen=True, slots=True)
class ArgumentType:
    """How an argument is bound: as which Postgres type, and to which type the statement casts it;
    None: it does not."""

    bound: LiteralString
    cast_to: LiteralString | None = None

    @property
    def type(self) -> LiteralString:
        """The Postgres type that the parameter has then."""
        return self.cast_to or self.bound


@dataclass(frozen=True, slots=True)
class ReadAsNull:
    """Values that Postgres has and OData has not, such as infinite times. They are null: in
    answers, conditions, orders, groups and links. {0} is a value.

    The conditions are those that an index on a column serves, and each has one form for the columns
    of all Postgres types that serve the family.

    is_value  whether OData has a value; NULL for NULL
    each      for each of the others, whether it is that one
    below     of values that are less than one of OData's: whether OData has them; "": it has all
    above     the same of greater values
    """

    is_value: LiteralString
    each: tuple[LiteralString, ...]
    below: LiteralString = ""
    above: LiteralString = ""


INFINITE = ReadAsNull(
    is_value="{0} > '-infinity' AND {0} < 'infinity'",
    each=("{0} = 'infinity'", "{0} = '-infinity'"),
    below="{0} > '-infinity'",
    above="{0} < 'infinity'",
)
"""Infinite times and days."""


@dataclass(frozen=True, slots=True)
class ColumnReading:
    """How columns of one Postgres type serve a family. {0} is the column, unless said otherwise.

    read        the column as the family's own Postgres type, or one that Postgres treats alike
    pinned      the same, and of no other type even if the table has changed since: for JSON texts,
                where a value of another type must not stand without quotes. None: not needed, since
                `read` cannot make a text of a column of another type
    compared    a parameter ({0}) cast to the column's type, whose name in SQL is {1}, so that
                comparisons have the column itself and an index serves. None: what `read` makes of
                the column is compared
    compared_list  the same of an array
    restored    an order value's text ({0}) as a value of the column's type ({1}): rows are ordered
                and grouped by the column itself. None: by what `read` makes of it
    equal_mode  the DecodeMode of literals that are compared for equality, so that these comparisons
                have the column itself. None: as in other comparisons
    range_mode  that of literals in other comparisons
    equal_type  the Postgres type of these arguments, if they are not texts
    extremes    the aggregates min and max exist for the column's type
    searched    a text ({0}) as functions have it that look for a text in a column of the type, or
                for such a column in a text
    has_operators  the column's type has operators of its own, in the schema of the type
    reads_null  `read` may make null of a value: IS NULL then tests what `read` makes, and a NOT
                NULL column may have nulls
    nulls       values of the column that are null, which `read` leaves as they are, so that an
                index serves. A NOT NULL column may have them too
    asked       the column where it is asked whether it is NULL. A composite value counts as NULL if
                all its fields are, and as NOT NULL if none is, so its text is asked
    json        the column as JSON text; {1} is the column as `read` has it
    merges      `read` may make the same of two values that differ, so the column is no key
    """

    read: LiteralString = "{0}"
    pinned: LiteralString | None = None
    compared: LiteralString | None = None
    compared_list: LiteralString | None = None
    restored: LiteralString | None = None
    equal_mode: DecodeMode | None = None
    range_mode: DecodeMode | None = None
    equal_type: LiteralString = ""
    extremes: bool = False
    searched: LiteralString = "{0}"
    has_operators: bool = False
    reads_null: bool = False
    nulls: ReadAsNull | None = None
    asked: LiteralString = "{0}"
    json: LiteralString | None = None
    merges: bool = False

    @property
    def is_own(self) -> bool:
        """Whether values are compared and grouped as the column's type, not as the family's."""
        return self.restored is not None and self.nulls is None

    @property
    def can_be_null(self) -> bool:
        """Whether a column that is never NULL can be null."""
        return self.reads_null or self.nulls is not None


@dataclass(frozen=True, slots=True)
class Operation:
    """An arithmetic operator between two families, at least one of them not of numbers: the name of
    the result's type, and SQL of the left ({0}) and right ({1}) operand.

    can_miss  the result is null where it is out of range
    """

    op: str
    left: str
    right: str
    result: str
    sql: LiteralString
    can_miss: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TypeFamily:
    """A family of primitive types that share their literals, their SQL and their text.

    name              what other families and tables call it
    label             in messages about arguments of functions: "DateTimeOffset"
    noun              in messages about values: "a date-time"
    literal           the URL
    argument          the argument of a statement for a value by mode; also takes the text of a
                      quoted string where `literal.quoted`
    converted         the value of a type of this family for the value of another family (given
                      last), for cast() of literals; ValueError where there is none
    argument_type     how arguments are bound
    columns           how columns are read, by Postgres type; others are cast
    nulls             values of `pg_type` that are null
    compares_columns  Postgres types that compare with each other, for joins
    text              a value as the text of /$value, of cast() to Edm.String and of entity-ids;
                      NULL for one of `nulls`, and so is `json`
    json, cell        JSON, and a cell of a table
    schema            JSON Schema
    is_untyped        a value may be of any type, so a comparison is no mistake, but not supported
    is_stream         rows have a link in place of a value
    is_octets         /$value is the value's octets, of a media type of their own, and not a text
    link_literal      a value as a key in links, percent-encoded; None: its text
    facets            what a property may declare; `max_precision` bounds $Precision
    column_facets     what of it the values of a column obey
    of_column         the type of a column, for families whose columns say more than their Postgres
                      type: given the declared type, the Postgres type, its modifier, and the schema
                      of its functions, None where no database was asked. None: it has none
    origin            the family as it is before a database has been asked; None: it is that one
    is_ordered        lt, le, gt, ge, $orderby, min and max have a meaning
    is_comparable     eq, ne, in, groupby and countdistinct have one
    is_enumeration    its literals are names of members; with `has_flags` also several
    can_be_key        equality is exact enough to find an entity by
    has_infinity      Postgres has infinite values, which have no year, hour or other part
    has_nan           values may be NaN, which equals nothing and has no order
    has_finer_literals  literals may be finer than any value is kept; nothing equals such a one
    can_be_negated    `-` has a meaning; for numbers it always has
    negated           SQL of `-`
    casts_to_string   cast() to Edm.String has a meaning
    written_by_sql    cast() of a literal to Edm.String gives the text that Postgres writes, which
                      is not that of the literal
    summed_as         the type of running sums, for numbers, as a cast
    number_operators  SQL of operators whose result is of this family, where Postgres's own operator
                      does not do, for numbers. Operands have been promoted to the result's type if
                      it is one with NaN
    operations        further operators
    """

    name: str
    label: str
    noun: str
    literal: LiteralForm
    argument: Callable[[object, DecodeMode], object]
    argument_type: ArgumentType
    converted: Callable[[object, PrimitiveType, TypeFamily], object] = lambda *_: refuse("")
    columns: Mapping[str, ColumnReading] = field(default_factory=dict)
    nulls: ReadAsNull | None = None
    compares_columns: tuple[str, ...] = ()
    text: LiteralString = "{0}::text"
    json: JsonForm = JsonForm()
    cell: CellForm = CellForm()
    schema: SchemaForm = SchemaForm()
    is_octets: bool = False
    is_untyped: bool = False
    is_stream: bool = False
    link_literal: LiteralString | None = None
    facets: frozenset[str] = frozenset()
    max_precision: int | None = None
    column_facets: ColumnFacets = as_declared
    of_column: ColumnTypes | None = None
    origin: TypeFamily | None = None
    is_ordered: bool = True
    is_comparable: bool = True
    is_enumeration: bool = False
    has_flags: bool = False
    can_be_key: bool = True
    has_infinity: bool = False
    has_nan: bool = False
    has_finer_literals: bool = False
    can_be_negated: bool = False
    negated: LiteralString = "(- {0})"
    casts_to_string: bool = True
    written_by_sql: bool = True
    summed_as: LiteralString = "numeric"
    number_operators: Mapping[str, LiteralString] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()

    def __repr__(self) -> str:
        return self.name

    @property
    def declared(self) -> TypeFamily:
        """The family as models and literals have it."""
        return self.origin or self


@dataclass(frozen=True, slots=True, eq=False)
class PrimitiveType:
    """One primitive type. Types are compared by identity: there is one object per type.

    name              as in CSDL
    pg_type           the Postgres type its values have in statements
    column_types      Postgres types a model may declare for its columns, the default first
    lossless_columns  Postgres types of which the type can say every value; None: `column_types`
    rank              of numbers: the wider of two operands wins (URL Conventions 5.1.1.18)
    low, high         the range of an integer type; None: no bound, or no integer type
    number_operators  of this type, before those of its family
    of_numeric        for types with NaN: SQL of a numeric of any size, rounded to the nearest value
    literal_kind      the kind of literals whose natural type it is; None: none are
    casts             cast() to the type: SQL by the name of the source's family (5.1.1.10.1)
    aggregates        what can be made of many values, by method
    quoted_if_wide    written in quotes where the client cannot read large numbers
                      (IEEE754Compatible, JSON Format 3.2)
    is_evident        a reader of JSON tells the type without being told (JSON Format 4.5.3)
    schema_format     `format` in JSON Schema, as the OData to OpenAPI mapping has it; None where
                      the texts are not those of a format there
    """

    name: str
    family: TypeFamily
    pg_type: LiteralString
    column_types: tuple[str, ...]
    lossless_columns: tuple[str, ...] | None = None
    rank: int = 0
    low: int | None = None
    high: int | None = None
    number_operators: Mapping[str, LiteralString] = field(default_factory=dict)
    of_numeric: LiteralString | None = None
    literal_kind: str | None = None
    casts: Mapping[str, LiteralString] = field(default_factory=dict)
    aggregates: Mapping[str, AggregateRule] = field(default_factory=lambda: MIN_MAX)
    quoted_if_wide: bool = False
    is_evident: bool = False
    schema_format: str | None = None

    def reading(self, pg_type: str) -> ColumnReading:
        """How a column of a Postgres type is read. Without a `pg_type` it was made by the statement
        and has that of this type, without the values that are null."""
        if not pg_type:
            return _AS_IT_IS
        return self.family.columns.get(pg_type) or self._cast_reading()

    def _cast_reading(self) -> ColumnReading:
        """How a column of a type that the family does not list is read: it is cast."""
        read, nulls = "{0}::" + self.pg_type, self.family.nulls
        if nulls is None:
            return ColumnReading(read, asked=read)
        is_value = nulls.is_value.replace("{0}", read)
        return ColumnReading(f"(CASE WHEN {is_value} THEN {read} END)", reads_null=True)

    @property
    def is_numeric(self) -> bool:
        return self.rank > 0

    @property
    def is_integer(self) -> bool:
        return self.family.name == "integer"

    @property
    def lossless(self) -> tuple[str, ...]:
        return self.column_types if self.lossless_columns is None else self.lossless_columns

    def __repr__(self) -> str:
        return self.name


ColumnTypes: TypeAlias = Callable[
    [PrimitiveType | None, str, int, str | None], PrimitiveType | None
]
_AS_IT_IS = ColumnReading()


def refuse(text: object) -> object:
    """Never returns: what was given is not a value."""
    raise ValueError(shorten(str(text)))
