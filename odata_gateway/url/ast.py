"""The syntax tree of a request: frozen nodes, names as text, literals as slot numbers.

`at` is the character offset in the decoded text of the option, or path, that the node comes from;
comparisons ignore it. Sections are those of URL Conventions 4.01 and of its ABNF.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf

LiteralKind = str
"""The `literal_kind` of a primitive type, `enum`, whose type the model declares, `raw` for a
path segment that may be a key, or `word` of $search."""


@dataclass(frozen=True, slots=True)
class SyntaxNode:
    """A node of the tree."""


# --- expressions (ABNF commonExpr) ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal(SyntaxNode):
    """A literal, whose value is number `slot` of the request's values. `many` marks a folded list
    such as `(1,2,3)`, whose value is a tuple."""

    kind: LiteralKind
    slot: int
    many: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Constant(SyntaxNode):
    """null, true or false. They change the SQL, so they stay in the template."""

    value: bool | None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Variable(SyntaxNode):
    """$it, $this, $root or $these (5.1.1.14)."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Alias(SyntaxNode):
    """A parameter alias, `name` with its @ (5.3)."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Member(SyntaxNode):
    """`base/name`, or a first name if base is None: a property, navigation property or range
    variable. A name with a dot is a type or, with @ before it, an annotation."""

    base: Expr | None
    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NamedArgument(SyntaxNode):
    """`name=value` in a call or a key."""

    name: str
    value: Expr
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call(SyntaxNode):
    """`base/name(args)` or `name(args)`: a function of OData or of the model, or an entity by key
    such as Items(1)."""

    base: Expr | None
    name: str
    args: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Count(SyntaxNode):
    """`base/$count` or `base/$count($filter=...;$search=...)`."""

    base: Expr
    options: Options | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FilterSegment(SyntaxNode):
    """`base/$filter(predicate)` inside an expression."""

    base: Expr
    predicate: Expr
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Lambda(SyntaxNode):
    """`base/any(v:body)` or `base/all(v:body)`; variable and body are None in `any()`."""

    base: Expr | None
    quantifier: OneOf["any", "all"]
    variable: str | None
    body: Expr | None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregation(SyntaxNode):
    """`base/aggregate(item)` inside an expression (Data Aggregation 3.8)."""

    base: Expr
    item: AggregateItem
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary(SyntaxNode):
    """`op` is "not" or "-"."""

    op: OneOf["not", "-"]
    operand: Expr
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary(SyntaxNode):
    """`op` in lower case: or and eq ne lt le gt ge has in add sub mul div divby mod."""

    op: str
    left: Expr
    right: Expr
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ListExpr(SyntaxNode):
    """A list that was not folded: `(1,null)`, `["a",b]` or `()`."""

    items: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ObjectExpr(SyntaxNode):
    """A JSON object, whose members are expressions."""

    members: tuple[tuple[str, Expr], ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Case(SyntaxNode):
    """`case(condition:value,...)` (5.1.1.12.1)."""

    branches: tuple[tuple[Expr, Expr], ...]
    at: int = field(default=0, compare=False)


LeafExpr = Literal | Constant | Variable | Alias | Member | NamedArgument
CollectionExpr = Count | FilterSegment | Lambda | Aggregation
Expr = LeafExpr | CollectionExpr | Call | Unary | Binary | ListExpr | ObjectExpr | Case


# --- $search (5.1.8) ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term(SyntaxNode):
    """A word or phrase, whose text is the value in `slot`."""

    slot: int
    phrase: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class SearchOp(SyntaxNode):
    """`not` has one operand, `and` and `or` have two or more."""

    op: OneOf["and", "or", "not"]
    operands: tuple[Search, ...]
    at: int = field(default=0, compare=False)


Search = Term | SearchOp


# --- query options --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderItem(SyntaxNode):
    """One item of $orderby."""

    expr: Expr
    descending: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class SelectItem(SyntaxNode):
    """One item of $select: `path` has the names between slashes, ("*",) for all properties;
    `options` are those in parentheses."""

    path: tuple[str, ...]
    options: Options | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ExpandItem(SyntaxNode):
    """One item of $expand: `path` ends in a navigation property or "*"; `suffix` is "$ref",
    "$count", "$value" or None."""

    path: tuple[str, ...]
    suffix: str | None = None
    options: Options | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ComputeItem(SyntaxNode):
    """`expression as name`."""

    expr: Expr
    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AggregateFrom(SyntaxNode):
    """`from paths with method`; without a method only for custom aggregates."""

    paths: tuple[Expr, ...]
    method: str | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AggregateItem(SyntaxNode):
    """`expr with method from ... as alias` (Data Aggregation 3.2.1).

    expr    None for the $count of the input set
    method  None for $count and for custom aggregates
    alias   None for custom aggregates, and inside expressions
    """

    expr: Expr | None
    method: str | None = None
    sources: tuple[AggregateFrom, ...] = ()
    alias: str | None = None
    at: int = field(default=0, compare=False)
    alias_at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Rollup(SyntaxNode):
    """`rollup(path,path,...)`, or `rollup(name)` for a leveled hierarchy, whose name is a single
    Member (Data Aggregation 3.2.3.2)."""

    paths: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Hierarchy(SyntaxNode):
    """A recursive hierarchy: the collection of its nodes, its qualifier, and the path to a node's
    identifier."""

    nodes: Expr
    qualifier: str
    path: Expr
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RollupRecursive(SyntaxNode):
    """`rolluprecursive(hierarchy,transformations)`."""

    hierarchy: Hierarchy
    steps: tuple[Transformation, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Sequence(SyntaxNode):
    """A sequence of transformations as an argument; nest and addnested give it an alias."""

    steps: tuple[Transformation, ...]
    alias: str | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Transformation(SyntaxNode):
    """One transformation of $apply (Data Aggregation 3). Its arguments in order:

    aggregate               AggregateItem...
    compute                 ComputeItem...
    groupby                 Expr | Rollup | RollupRecursive ..., optional Sequence
    filter, top, skip       Expr; Literal
    search                  Search
    orderby                 OrderItem...
    topcount (and so on)    Expr, Expr
    concat                  Sequence...
    nest; addnested         Sequence...; Expr, Sequence...
    join, outerjoin         ComputeItem (path as alias), optional Sequence
    ancestors, descendants  Hierarchy, Sequence..., optional Literal (distance), optional True
                            (keep start)
    traverse                Hierarchy, "preorder" | "postorder", optional Sequence, OrderItem...
    identity                none
    a name with a dot       those of a custom transformation
    """

    name: str
    args: tuple[TransformationArgument, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Options(SyntaxNode):
    """The system query options of a resource, an item of $expand or $select, or a $count segment;
    None for each that was not given.

    levels  a number, or "max"
    order   the canonical names of the options that were given, in their order
    places  the offset of each of them
    """

    filter: Expr | None = None
    search: Search | None = None
    select: tuple[SelectItem, ...] | None = None
    expand: tuple[ExpandItem, ...] | None = None
    orderby: tuple[OrderItem, ...] | None = None
    compute: tuple[ComputeItem, ...] | None = None
    apply: tuple[Transformation, ...] | None = None
    top: Literal | None = None
    skip: Literal | None = None
    count: bool | None = None
    levels: int | str | None = None
    index: Literal | None = None
    format: str | None = None
    schemaversion: str | None = None
    id: str | None = None
    skiptoken: str | None = None
    deltatoken: str | None = None
    aliases: tuple[tuple[str, Expr], ...] = ()
    order: tuple[str, ...] = ()
    places: tuple[int, ...] = field(default=(), compare=False)

    def place(self, name: str, other: int) -> int:
        """The offset of an option in parentheses, or another one where it was not written."""
        return dict(zip(self.order, self.places, strict=False)).get(name, other)


GroupingArgument = Rollup | RollupRecursive | Hierarchy
ItemArgument = OrderItem | ComputeItem | AggregateItem
TransformationArgument = Expr | Search | ItemArgument | GroupingArgument | Sequence | str | bool


# --- resource path (section 4) --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Segment(SyntaxNode):
    """One path segment.

    name     as written: `Message`, `messages`, `LiveAgent.Message`, `$count`, `$value`, `$ref`,
             `$metadata`, `$batch`, `$all`, `$entity`, `$crossjoin`, `$query`, `$each`, `$filter`,
             or the text of a key as a segment
    args     keys, function parameters, the predicate of $filter, or the sets of $crossjoin; None
             without parentheses
    literal  the segment as a literal, if it can be a key as a segment
    """

    name: str
    args: tuple[Expr, ...] | None = None
    literal: Literal | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class SyntaxTree(SyntaxNode):
    """A whole request; the path of the service root has no segments."""

    path: tuple[Segment, ...]
    options: Options
