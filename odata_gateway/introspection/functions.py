"""The functions of a database in CSDL JSON: those that only read, with parameters and results that
OData has words for.

A function whose first parameter is a row of a served table is bound to its entities; one whose
first parameter is an array of such rows, to collections of them. All others are called at the
service root, under their own name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from odata_gateway.db.schema.functions import FunctionFacts, ValueType
from odata_gateway.db.schema.type_facts import TypeFacts
from odata_gateway.edm.model import Table
from odata_gateway.introspection.catalog import CatalogColumn
from odata_gateway.introspection.columns import property_of
from odata_gateway.introspection.names import descriptions, odata_name, odata_names, unused
from odata_gateway.introspection.not_served import NotServed
from odata_gateway.introspection.structures import DeclaredTypes
from odata_gateway.types.primitive import PRIMITIVE_TYPES, STRING, PrimitiveType

CONTAINER = "Service"
"""The name of the entity container."""
_NOT_CALLED = frozenset({"trigger", "event_trigger", "internal", "language_handler", "void"})
"""Results of functions that no statement asks for."""

ElementNode = dict[str, Any]


@dataclass(slots=True)
class DocumentFunctions:
    """What the functions of a database add to its document.

    namespaces  by schema
    type_names  of the entity types, which are those of their sets, by table
    types       complex types of properties
    keyless     tables whose keys the service makes: rows that a function returns have none of these
    elements    functions and complex types by name, by namespace
    computed    properties that functions of one row compute, by table
    imports     of the container, by name
    """

    namespaces: Mapping[str, str]
    type_names: Mapping[Table, str]
    types: DeclaredTypes
    keyless: Collection[Table] = ()
    not_served: list[NotServed] = field(default_factory=list)
    elements: dict[str, dict[str, Any]] = field(default_factory=dict)
    computed: dict[Table, dict[str, ElementNode]] = field(default_factory=dict)
    imports: dict[str, ElementNode] = field(default_factory=dict)

    def add(self, facts: FunctionFacts) -> None:
        """Add a function, or the reason why it is not served."""
        if facts.result.name in _NOT_CALLED:
            return
        fault = self._fault(facts)
        if fault is not None:
            self.not_served.append(_not_served(facts, *fault))
            return
        bound, is_many = self._bound(facts)
        namespace = self.namespaces[facts.schema]
        name = self._name(facts)
        node = self._function(facts, name, bound)
        others = self.elements.setdefault(namespace, {}).setdefault(name, [])
        if any(_key(node) == _key(other) for other in others):
            fault = "another function has its name and parameter names", "rename a parameter"
            self.not_served.append(_not_served(facts, *fault))
            return
        others.append(node)
        if bound is None:
            self._import(facts, name)
        elif len(facts.parameters) == 1 and not (facts.returns_set or is_many):
            self._compute(facts, bound)

    # --- what can be served -----------------------------------------------------------------------

    def _fault(self, facts: FunctionFacts) -> tuple[str, str] | None:
        """Why a function is not served, with a way out."""
        if not facts.reads_only:
            return "it is VOLATILE, so it may write", "declare it STABLE if it only reads"
        if not facts.may_call:
            return (
                "the role may not execute it",
                f"GRANT EXECUTE ON FUNCTION {facts.schema}.{facts.signature}",
            )
        if facts.is_variadic:
            return "it has a VARIADIC parameter", "add a function with plain parameters"
        given = facts.parameters
        bound, _ = self._bound(facts)
        if bound is not None and bound not in self.keyless:
            given = given[1:]
        for name, type_ in given:
            if not name:
                return "a parameter has no name", "name its parameters"
            if self._given_as(type_) is None:
                way_out = "add a function whose parameters are numbers, texts or times"
                return f"parameter {name} is of type {type_.name}", way_out
        table = self._row_of(facts.result)
        if table is not None and table in self.keyless:
            way_out = "declare the columns that it returns, with RETURNS TABLE"
            return f"it returns rows of {table.text}, whose keys the service makes", way_out
        is_row = facts.columns or facts.result.columns or table
        if not is_row and _passed_as(facts.result) is None:
            way_out = "declare the columns that it returns, with RETURNS TABLE"
            return f"it returns {facts.result.name}", way_out
        return None

    def _bound(self, facts: FunctionFacts) -> tuple[Table | None, bool]:
        """The table that a function is bound to rows of, and whether to many of them."""
        if not facts.parameters:
            return None, False
        first = facts.parameters[0][1]
        if (found := self._row_of(first)) is not None or first.items_of is None:
            return found, False
        table = Table(*first.items_of)
        return (table if table in self.type_names else None), True

    def _given_as(self, type_: ValueType) -> ElementNode | None:
        """The OData type of a parameter, and its type in Postgres; None where there is none."""
        facts = type_.facts
        if type_.relation is not None or type_.items_of is not None:
            return None
        many: ElementNode = {"$Collection": True} if facts.kind == "array" else {}
        item = facts.item if facts.kind == "array" and facts.item is not None else facts
        if item.kind == "composite":
            declared = self.types.property_of(item)
            if declared is None or "$Collection" in declared:
                return None
            return {"$Type": declared["$Type"], "@Gateway.PgType": _own_name(item)} | many
        value = ValueType(item)
        return None if _passed_as(value) is None else _value(value) | many

    def _row_of(self, type_: ValueType) -> Table | None:
        """The table that is served and whose rows are of a type."""
        table = None if type_.relation is None else Table(*type_.relation)
        return table if table in self.type_names else None

    def _type_of(self, table: Table) -> str:
        """The qualified name of a table's entity type."""
        return f"{self.namespaces[table.schema]}.{self.type_names[table]}"

    # --- CSDL JSON --------------------------------------------------------------------------------

    def _name(self, facts: FunctionFacts) -> str:
        """The name of a function; overloads share it, other elements do not."""
        namespace = self.namespaces[facts.schema]
        types = (n for table, n in self.type_names.items() if table.schema == facts.schema)
        found = self.elements.get(namespace, {}).items()
        others = (name for name, node in found if not isinstance(node, list))
        complex_types = (name for n_of, name in self.types.nodes if n_of == namespace)
        return unused(odata_name(facts.name), {*types, *complex_types, *others, CONTAINER})

    def _function(self, facts: FunctionFacts, name: str, bound: Table | None) -> ElementNode:
        given = facts.parameters
        node: ElementNode = {"$Kind": "Function", "$IsComposable": True}
        parameters = list[ElementNode]()
        if bound is not None:
            node["$IsBound"] = True
            own = odata_name(given[0][0]) if given[0][0] else "it"
            many = {"$Collection": True} if self._bound(facts)[1] else {}
            parameters.append({"$Name": own, "$Type": self._type_of(bound)} | many)
            given = given[1:]
        names = odata_names(name for name, _ in given)
        needed = len(given) - facts.defaults
        parameters += [
            _parameter(
                names[column], column, self._given_as(type_) or {}, optional=number >= needed
            )
            for number, (column, type_) in enumerate(given)
        ]
        if parameters:
            node["$Parameter"] = parameters
        node["$ReturnType"] = self._result(facts, name)
        node["@Gateway.Function"] = Table(facts.schema, facts.name).text
        node["@Gateway.Unscoped"] = True
        return node | descriptions(facts.comment)

    def _result(self, facts: FunctionFacts, name: str) -> ElementNode:
        node: ElementNode = {"$Collection": True} if facts.returns_set else {"$Nullable": True}
        entity = self._row_of(facts.result)
        columns = facts.columns or facts.result.columns
        if entity is not None:
            return {"$Type": self._type_of(entity)} | node
        if columns:
            return {"$Type": self._complex(facts, columns, name)} | node
        if facts.returns_set:
            node["$Nullable"] = True
        return _value(facts.result) | node

    def _complex(
        self, facts: FunctionFacts, columns: tuple[tuple[str, TypeFacts], ...], name: str
    ) -> str:
        """The qualified name of the complex type of a function's rows: that of its composite type,
        or its own."""
        if not facts.columns and (declared := self.types.property_of(facts.result.facts)):
            return str(declared["$Type"])
        namespace = self.namespaces[facts.schema]
        elements = self.elements.setdefault(namespace, {})
        listed = [_column(number, *column) for number, column in enumerate(columns, 1)]
        names = odata_names(column.name for column in listed)
        properties = {
            names[c.name]: property_of(c, names[c.name], self.types, is_key=False) for c in listed
        }
        types = (n for table, n in self.type_names.items() if table.schema == facts.schema)
        complex_types = (n for n_of, n in self.types.nodes if n_of == namespace)
        found = unused(f"{name}_row", {*types, *complex_types, *elements, name, CONTAINER})
        elements[found] = {"$Kind": "ComplexType", **properties}
        return f"{namespace}.{found}"

    def _compute(self, facts: FunctionFacts, table: Table) -> None:
        """Add the property that a function of one row is."""
        if _passed_as(facts.result) is None or facts.columns:
            return
        function = f"{facts.schema}.{facts.name}"
        node = _value(facts.result) | {"$Nullable": True, "@Gateway.Function": function}
        if "." in node.get("@Gateway.PgType", ""):
            del node["@Gateway.PgType"]
        node |= {"@Core.Computed": True} | descriptions(facts.comment)
        self.computed.setdefault(table, {})[odata_name(facts.name)] = node

    def _import(self, facts: FunctionFacts, name: str) -> None:
        """Have a function called at the service root, by a name that no set has."""
        called = f"{self.namespaces[facts.schema]}.{name}"
        known = (n for n, node in self.imports.items() if node["$Function"] == called)
        wanted = name if name not in self.imports else f"{odata_name(facts.schema)}_{name}"
        own = next(known, None) or unused(wanted, {*self.type_names.values(), *self.imports})
        is_first = own not in self.imports
        node = self.imports.setdefault(own, {"$Function": called})
        table = self._row_of(facts.result)
        if table is not None and is_first:
            node["$EntitySet"] = self.type_names[table]
        elif table is None or node.get("$EntitySet") != self.type_names[table]:
            node.pop("$EntitySet", None)
        if len(facts.parameters) == facts.defaults:
            node["$IncludeInServiceDocument"] = True


def _not_served(facts: FunctionFacts, reason: str, way_out: str) -> NotServed:
    return NotServed(Table(facts.schema, facts.signature), reason, way_out)


def _key(node: ElementNode) -> tuple[object, ...]:
    """What must differ between the functions of a name."""
    first, *_ = node.get("$Parameter") or [{}]
    bound = (first.get("$Type"), "$Collection" in first) if node.get("$IsBound") else None
    own = node.get("$Parameter", [])[1 if bound else 0 :]
    return bound, *sorted(str(parameter["$Name"]) for parameter in own)


def _parameter(name: str, column: str, type_: ElementNode, *, optional: bool) -> ElementNode:
    node: ElementNode = {"$Name": name} | type_ | {"$Nullable": True}
    if name != column:
        node["@Gateway.Column"] = column
    if optional:
        node["@Core.OptionalParameter"] = {}
    return node


def _value(type_: ValueType) -> ElementNode:
    """The OData type of a value, and the type that it has in Postgres where that is another than
    the usual one."""
    primitive = _passed_as(type_) or STRING
    node: ElementNode = {} if primitive is STRING else {"$Type": primitive.name}
    own = _own_name(type_.facts) if type_.facts.labels else type_.name
    if own != primitive.column_types[0] and (own in primitive.column_types or "." in own):
        node["@Gateway.PgType"] = own
    return node


def _own_name(facts: TypeFacts) -> str:
    return f"{facts.schema}.{facts.name}"


def _passed_as(type_: ValueType) -> PrimitiveType | None:
    """The OData type of a value of a type; None where there is none."""
    if type_.facts.labels:
        return STRING
    able = [each for each in PRIMITIVE_TYPES.values() if type_.name in each.lossless]
    others = (each for each in able if each is not STRING)
    return min(others, key=lambda each: each.rank, default=STRING if able else None)


def _column(number: int, name: str, facts: TypeFacts) -> CatalogColumn:
    """A column of a function's rows."""
    return CatalogColumn(
        number,
        name or f"column{number}",
        facts.type,
        "b",
        facts.modifier,
        not_null=False,
        is_computed=False,
        readable=True,
        comment=None,
        made_of=None if facts.kind == "simple" else facts,
    )
